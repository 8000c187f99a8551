//! One attempt: the request goes out, and what comes back goes to the store with what follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::HeaderValue;
use tokio::time::Instant;
use workbell_model::attempt::{Failure, Rules, Span, follow};
use workbell_model::{Endpoint, Outcome, Transition, Undelivered};
use workbell_store::record::Occasion;

use crate::ended::{Begun, Ended};
use crate::endpoint::Counted;
use crate::engine::Shared;
use crate::hub::Hub;
use crate::post::Post;
use crate::slots::{End, Slot};
use crate::template::{Template, Unusable};

/// One attempt on its way.
pub(crate) struct Attempt {
    pub(crate) shared: Arc<Shared>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) post: Arc<dyn Post>,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) delivery: Undelivered,
    pub(crate) occasion: Occasion,
    /// Failures of the endpoint whose outcome is not on disk yet: nothing starts before it is known what they mean.
    pub(crate) untold: Arc<AtomicUsize>,
    /// Of a replay: one of those under way.
    pub(crate) counted: Option<Counted>,
}

impl Attempt {
    pub(crate) async fn run(
        self,
        template: Result<Arc<Template>, Unusable>,
        bearer: Result<HeaderValue, Unusable>,
        slot: Slot,
    ) {
        let start = self.shared.clock.now();
        let url = self.endpoint.settings.url.clone().unwrap_or_default();
        let request = template.as_ref().map_err(Clone::clone).and_then(|template| {
            template.request(&self.delivery, &bearer.clone()?, self.shared.clock.wall())
        });
        let ended = match request {
            Ok(request) => self.send(request, url).await,
            Err(unusable) => Ended::misconfigured(unusable.to_string(), url),
        };
        let completed_at = start.plus(ended.duration);
        let health = self.shared.store.directory().health(&self.endpoint.key);
        let span =
            Span { started: start, ended: completed_at, age: health.age.reading(self.shared.clock.age()) };
        let transition = self.follow(template.ok().as_deref(), ended.outcome, span);
        let outcome = ended.outcome;
        let failed = matches!(outcome, Outcome::Failed(_));
        if failed {
            self.untold.fetch_add(1, Ordering::SeqCst);
        }
        let no = self.delivery.no;
        let begun = Begun {
            delivery: self.delivery,
            start,
            occasion: self.occasion,
            generation: self.endpoint.generation,
        };
        let completion = ended.completion(begun, transition);
        if let Err(error) = self.shared.store.complete(completion).await {
            if failed {
                self.untold.fetch_sub(1, Ordering::SeqCst);
            }
            tracing::error!(delivery = no.0, %error, "an outcome could not be handed to the store; the attempt will be repeated");
        }
        // Not before the store has it: so outcomes that wait there are bounded as attempts are, and it is not waited for
        // the disk, for a lane does that for itself.
        slot.end(end(outcome));
        drop(self.counted);
        self.hub.ended(no);
    }

    async fn send(&self, request: workbell_egress::Request, url: String) -> Ended {
        let began = Instant::now();
        tokio::select! {
            // What has ended is not cut off any more.
            biased;
            attempted = self.post.post(request) => Ended::from_attempted(attempted, &url, self.shared.clock.wall()),
            () = self.shared.cut_off.cancelled() => Ended::interrupted(url, began.elapsed()),
        }
    }

    /// What follows by the rules. The store has the last word: it knows what was changed or wished meanwhile.
    fn follow(&self, template: Option<&Template>, outcome: Outcome, span: Span) -> Transition {
        let numbers = &self.shared.defaults;
        let rules = Rules {
            schedule: template.map_or(&numbers.retry_schedule, |template| &template.schedule),
            jitter_percent: numbers.retry_jitter_percent,
            max_attempts: template.map_or(numbers.max_attempts, |template| template.max_attempts),
            max_age: numbers.max_age,
        };
        follow(&self.delivery, outcome, rules, span, self.shared.luck())
    }
}

/// What an outcome says of the endpoint's share of the slots.
fn end(outcome: Outcome) -> End {
    match outcome {
        Outcome::Succeeded => End::Succeeded,
        Outcome::Interrupted => End::Unused,
        Outcome::Failed(Failure::Unreached) => End::Unreached,
        Outcome::Failed(
            Failure::TooManyRequests(_)
            | Failure::Unavailable(_)
            | Failure::BadGateway
            | Failure::Gone
            | Failure::Refused
            | Failure::Unanswered,
        ) => End::Failed,
    }
}
