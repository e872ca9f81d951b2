//! The slowest a request's body may come, or an answer's be taken: it buys time with bytes.

use crate::downstream::BodyError;
use gambeson_core::layers::Denial;
use http::StatusCode;
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How much longer we wait for a body. Only time spent waiting for the client counts, so that a slow app harms nobody.
#[derive(Debug)]
pub(crate) struct Pace {
    left: Duration,
    most: Duration,
    bytes_per_second_min: u32,
}

impl Pace {
    pub(crate) const fn new(grace: Duration, bytes_per_second_min: u32) -> Self {
        Self { left: grace, most: grace, bytes_per_second_min }
    }

    /// Waits for the client as long as its bytes bought.
    pub(crate) async fn wait<T>(&mut self, read: impl Future<Output = T>) -> Result<T, BodyError> {
        let begun = Instant::now();
        let done = timeout(self.left, read).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        done.map_err(|_| BodyError::Refused(too_slow()))
    }

    /// Bytes came, or went.
    pub(crate) fn came(&mut self, bytes: usize) {
        let bought = Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second_min.max(1)));
        self.left = self.left.saturating_add(bought).min(self.most);
    }
}

fn too_slow() -> Box<Denial> {
    let say = "The request came too slowly.";
    Denial::new(
        "body-too-slow",
        StatusCode::REQUEST_TIMEOUT,
        say,
        "the body came slower than the policy waits for (CWE-400, slow bodies)",
    )
    .at("body", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trickle_runs_out_of_time_and_a_steady_stream_does_not() {
        let mut trickle = Pace::new(Duration::from_secs(8), 240);
        let mut steady = Pace::new(Duration::from_secs(8), 240);
        assert!(steady.wait(std::future::ready(())).await.is_ok());
        trickle.left = Duration::ZERO;
        assert!(trickle.wait(std::future::pending::<()>()).await.is_err());
        trickle.came(240);
        assert_eq!(trickle.left, Duration::from_secs(1));
        steady.came(1 << 30);
        assert_eq!(steady.left, steady.most);
    }
}
