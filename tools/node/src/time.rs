//! The clock of the machine, as an input of the state machines.

use millrace_sequencing::Moment;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now. A clock before 1970 counts as 1970.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Comes back at `moment`; never when there is none.
pub(crate) async fn sleep_until(moment: Option<Moment>) {
    match moment {
        Some(moment) => tokio::time::sleep(Duration::from_millis(moment.since_ms(now()))).await,
        None => std::future::pending().await,
    }
}
