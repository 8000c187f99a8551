//! What the endpoint refuses. Anything but a 2xx refuses; 401 says it best.

use super::trial::{Trial, Verdict, result};
use crate::letter::Letter;
use crate::sender::Error;

impl Trial {
    /// Sends an ordinary notification in a bad letter.
    pub(super) async fn must_refuse(&mut self, letter: Letter) -> Result<Verdict, Error> {
        let note = self.ordinary();
        let sent = self.post(note, letter).await?;
        let by_accident = "answer 401: this looks like an accident, and a platform takes it for one";
        Ok(match &sent.attempted.result {
            Ok(status) if status.is_success() => Verdict::failed(format!("{status}: it was accepted")),
            Ok(status) if status.is_client_error() => Verdict::passed(result(&sent)),
            Ok(_) | Err(_) => Verdict::warned(result(&sent)).mended_by(by_accident),
        })
    }
}
