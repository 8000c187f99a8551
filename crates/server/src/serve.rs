//! The service as a whole: opened in the order in which things need each other, ended in the opposite one.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use workbell_egress::{Policy, Reach};
use workbell_store::Store;
use workbell_store::sqlite::{self, SqliteStore, Synchronous};

use crate::alerts::{self, Herald, Warden};
use crate::app::{App, Limits, Options};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::disk::Room;
use crate::engine_room::EngineRoom;
use crate::error::Error;
use crate::key_room::{KeyRoom, Rules};
use crate::listener::{Callers, Listener};
use crate::metrics::Metrics;
use crate::peer::Trusted;
use crate::retention::{self, Retention};
use crate::router::{Interfaces, router};
use crate::settings::{Database, Settings};
use crate::{file_limit, key_file};

/// How long requests and attempts that are under way may take after the signal to stop.
///
/// 10 s. Source: service.md section 6.
const LONGEST_END: Duration = Duration::from_secs(10);

/// A service that is ready: it listens, and answers as soon as it runs.
pub struct Service {
    listener: Listener,
    platform: Option<Listener>,
    metrics: Option<Listener>,
    callers: Callers,
    app: Arc<App>,
    store: Arc<dyn Store>,
    engine: EngineRoom,
    keys: KeyRoom,
    keep: Retention,
    herald: Option<Herald>,
    warden: Warden,
    clock: Clock,
    stop: CancellationToken,
}

/// Starts the service and runs it until `shutdown`.
///
/// # Errors
/// What keeps it from starting, with what to do about it.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> Result<(), Error> {
    Service::start(settings).await?.run(shutdown).await;
    Ok(())
}

/// Ends when the process is asked to stop: SIGTERM or SIGINT. Both are listened for as soon as this returns, not only
/// once the future is polled.
///
/// # Errors
/// The system does not let us listen for signals.
pub fn asked_to_stop() -> impl Future<Output = Result<(), Error>> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let listen =
        |kind| signal(kind).map_err(|source| Error::System { what: "cannot listen for signals", source });
    let (terminate, interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    async move {
        let (mut terminate, mut interrupt) = (terminate?, interrupt?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
}

impl Service {
    /// Opens everything.
    ///
    /// # Errors
    /// What keeps it from starting, with what to do about it.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let clock = Clock::system();
        let in_flight = settings.delivery.max_in_flight as u64;
        let files = file_limit::raise(in_flight)?;
        let listener = Listener::bind(settings.general.listen).await?;
        let platform = match settings.platform.listen {
            Some(address) if address != settings.general.listen => Some(Listener::bind(address).await?),
            Some(_) | None => None,
        };
        let metrics = match settings.metrics.listen {
            Some(address) => Some(Listener::bind(address).await?),
            None => None,
        };
        let dir = DataDir::prepare(&settings.general.data_dir)?;
        let store = open_store(&settings, dir.path()).await?;
        let platform_key = settings.general.platform_key.as_ref().map(|key| key.reveal());
        let platform_key = key_file::platform_key(platform_key, &dir)?;
        let master_key = settings.general.master_key.as_ref().map(|key| key.to_key());
        let master_key = Arc::new(key_file::master_key(master_key, &dir)?.verified(&*store, &dir).await?);
        let rules = Rules {
            bits: settings.token.key_bits.0,
            lead: settings.token.rotation_lead,
            ring: settings.token_options(listener.address()),
        };
        let keys = KeyRoom::open(store.clone(), master_key.clone(), rules, clock.clone()).await?;
        let own = [Some(&listener), platform.as_ref(), metrics.as_ref()];
        let own: Vec<SocketAddr> = own.into_iter().flatten().map(Listener::address).collect();
        let herald =
            Herald::new(&settings, alerts::policy(&settings, own.clone()), store.clone(), clock.clone())?;
        let policy = policy(&settings, own);
        let engine =
            EngineRoom::start(&settings, store.clone(), &keys, master_key.clone(), policy.clone()).await?;
        let app = App::new(Options {
            store: store.clone(),
            keys: keys.clone(),
            master_key,
            platform_key,
            policy: Arc::new(policy),
            engine: engine.engine(),
            defaults: settings.endpoint_defaults(),
            limits: limits(&settings),
            public_url: settings.public_url(listener.address()),
            clock: clock.clone(),
        });
        let stop = app.stopping.clone();
        let callers = Callers::new(file_limit::room_for_callers(files, in_flight), stop.clone())
            .behind(Trusted::new(settings.proxy.trusted.clone()));
        let keep = Retention {
            notifications: settings.retention.notifications,
            log: settings.retention.log,
            most_bytes: settings.retention.max_size.map(|size| size.0),
        };
        let data_dir = settings.general.data_dir.clone();
        let warden = Warden {
            store: store.clone(),
            keys: keys.clone(),
            room: Box::new(move || Room::at(&data_dir)),
            clock: clock.clone(),
        };
        Ok(Service {
            listener,
            platform,
            metrics,
            callers,
            app,
            store,
            engine,
            keys,
            keep,
            herald,
            warden,
            clock,
            stop,
        })
    }

    /// Where it listens, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Where the platform interface listens.
    pub fn platform_address(&self) -> SocketAddr {
        self.platform.as_ref().map_or_else(|| self.address(), Listener::address)
    }

    /// The signing keys.
    pub fn keys(&self) -> &KeyRoom {
        &self.keys
    }

    /// Answers, delivers and sweeps until `shutdown`; then takes no more, ends what is under way within ten seconds,
    /// and closes the store.
    pub async fn run(self, shutdown: CancellationToken) {
        let Service {
            listener,
            platform,
            metrics,
            callers,
            app,
            store,
            engine,
            keys,
            keep,
            herald,
            warden,
            clock,
            stop,
        } = self;
        tracing::info!(address = %listener.address(), "listening");
        let tasks = TaskTracker::new();
        let interfaces = if platform.is_some() { Interfaces::Public } else { Interfaces::All };
        tasks.spawn(listener.run(router(app.clone(), interfaces), callers.clone()));
        if let Some(platform) = platform {
            tracing::info!(address = %platform.address(), "listening for the platform interface");
            tasks.spawn(platform.run(router(app, Interfaces::Platform), callers.clone()));
        }
        if let Some(metrics) = metrics {
            tracing::info!(address = %metrics.address(), "serving metrics");
            let page = Metrics::new(store.clone(), engine.engine(), clock.clone());
            tasks.spawn(metrics.run(page.router(), callers.clone()));
        }
        if let Some(herald) = herald {
            tasks.spawn(herald.run(stop.clone()));
        }
        tasks.spawn(warden.run(stop.clone()));
        tasks.spawn(keys.keep(stop.clone()));
        tasks.spawn(retention::sweep(store.clone(), keep, clock, stop.clone()));
        tasks.close();
        shutdown.cancelled().await;
        tracing::info!("stopping: ending what is under way");
        stop.cancel();
        tokio::join!(callers.end(LONGEST_END), engine.stop(LONGEST_END), tasks.wait());
        store.close().await;
        tracing::info!("stopped");
    }
}

async fn open_store(settings: &Settings, data_dir: &Path) -> Result<Arc<dyn Store>, Error> {
    let synchronous = match &settings.general.database {
        Database::Sqlite => Synchronous::Full,
        Database::UnsyncedSqlite => {
            tracing::warn!(
                "nothing is synced to the disk: a power cut loses what was acknowledged; for tests only"
            );
            Synchronous::Off
        }
        Database::Postgres(_) => return Err(Error::Database),
    };
    let options = sqlite::Options {
        data_dir: data_dir.to_owned(),
        synchronous,
        waiting_limit: settings.limits.waiting.into(),
        defaults: settings.endpoint_defaults(),
    };
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(options)).await;
    Ok(Arc::new(opened.expect("opening the store does not panic")?))
}

/// Who may be dialled, by the settings; `own` are the sockets that we listen on.
pub(crate) fn policy(settings: &Settings, own: Vec<SocketAddr>) -> Policy {
    Policy {
        allow: settings.egress.allow.clone(),
        deny: settings.egress.deny.clone(),
        allow_http: settings.egress.http,
        allow_loopback: false,
        reach: Reach::Public,
        own,
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        body: settings.limits.body.as_usize(),
        batch: settings.limits.batch,
        batch_body: settings.limits.batch_body.as_usize(),
        endpoints: settings.limits.endpoints as usize,
    }
}
