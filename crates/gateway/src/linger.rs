//! Reading what nobody wants any more.
//!
//! Many clients look for an answer only after they have sent all, such as a large upload by somebody who is not logged in.
//! Whoever is cut off before takes that for an error and never sees the answer.

use std::time::Duration;
use tokio::time::timeout;

/// No more than this is read, in bytes: an upload that is a few times over the usual limit still hears of it.
const BYTES_MAX: usize = 256 << 20;
/// However long it takes; a pause ends it sooner.
const WHOLE: Duration = Duration::from_secs(30);

/// Reads and drops pieces, of which `more` says the length, until there is none, a pause is as long as this, or it is enough.
pub(crate) async fn read_rest(mut more: impl AsyncFnMut() -> Option<usize>, pause: Duration) {
    let rest = async {
        let mut seen = 0_usize;
        while let Ok(Some(bytes)) = timeout(pause, more()).await {
            seen = seen.saturating_add(bytes);
            if seen > BYTES_MAX {
                break;
            }
        }
    };
    let _timed_out = timeout(WHOLE, rest).await;
}
