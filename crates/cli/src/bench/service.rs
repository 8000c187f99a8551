//! The service under measurement: this binary, in a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;

use super::load::{Connection, Target};

/// Longest time that a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Service {
    child: Child,
    address: SocketAddr,
    key: String,
    /// From the start of the process to the first `readyz`.
    pub(super) ready_after: Duration,
}

impl Service {
    /// Starts it on a data dir and waits until it is ready.
    pub(super) async fn start(data_dir: &PathBuf) -> anyhow::Result<Self> {
        let address = free_port()?;
        let log = std::fs::File::create(data_dir.with_extension("log"))?;
        let began = Instant::now();
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--allow-loopback", "--listen", &address.to_string(), "--data-dir"])
            .arg(data_dir)
            .env_remove("WORKBELL_PLATFORM_KEY")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start this binary again as the service")?;
        let mut service = Service { child, address, key: String::new(), ready_after: Duration::ZERO };
        service.wait_until_ready(began, data_dir).await?;
        let key = std::fs::read_to_string(data_dir.join("platform.key"))?;
        service.key = format!("Bearer {}", key.trim());
        Ok(service)
    }

    async fn wait_until_ready(&mut self, began: Instant, data_dir: &std::path::Path) -> anyhow::Result<()> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                let said = std::fs::read_to_string(data_dir.with_extension("log")).unwrap_or_default();
                bail!("the service ended with {status}:\n{said}");
            }
            if self.is_ready().await {
                self.ready_after = began.elapsed();
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the service was not ready within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let Ok(stream) = tokio::net::TcpStream::connect(self.address).await else { return false };
        let Ok((mut sender, connection)) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await
        else {
            return false;
        };
        tokio::spawn(async move { drop(connection.await) });
        let request = hyper::Request::get("/readyz")
            .header("host", self.address.to_string())
            .body(http_body_util::Empty::<Bytes>::new());
        let Ok(request) = request else { return false };
        sender.send_request(request).await.is_ok_and(|answer| answer.status().is_success())
    }

    pub(super) fn target(&self, path: &str) -> Target {
        Target {
            address: self.address,
            host: self.address.to_string(),
            path: path.to_owned(),
            key: Some(self.key.clone()),
        }
    }

    /// Creates something and gives back its answer.
    pub(super) async fn create(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<serde_json::Value> {
        self.post(path, Bytes::from(body.to_string()), 201).await
    }

    /// Does what takes no body.
    pub(super) async fn ask(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        self.post(path, Bytes::new(), 200).await
    }

    async fn post(&self, path: &str, body: Bytes, expected: u16) -> anyhow::Result<serde_json::Value> {
        let mut connection = Connection::open(self.address).await?;
        let (status, answer) = connection.post(&self.target(path), body).await?;
        ensure!(status == expected, "POST {path} answered {status}: {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Processor time that the process has used so far.
    pub(super) fn processor_time(&self) -> anyhow::Result<Duration> {
        let mut nanos = 0_u64;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            nanos += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Resident memory, bytes.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS in /proc")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number in VmRSS")?.parse()?;
        Ok(kib * 1024)
    }

    /// Asks it to end and waits for that.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id())?;
        // SAFETY: the process is our child and was not waited for, so the number is still its own.
        #[expect(unsafe_code, reason = "std has no way to send SIGTERM")]
        unsafe {
            libc::kill(pid, libc::SIGTERM);
        }
        let status = self.child.wait()?;
        ensure!(status.success(), "the service ended with {status} when it was asked to stop");
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may have ended on its own meanwhile.
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}

fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
