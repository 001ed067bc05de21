//! Times as people write them.

use millrace_primitives::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

/// A text is no time that a payload could hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither seconds nor RFC 3339.
    #[error("a time is written in seconds since 1970, or as in 2026-11-28T12:00:00Z")]
    Malformed,
    /// Payloads hold no time before 1970, nor one of more than 63 bits.
    #[error("a time is not before 1970, and has at most 63 bits")]
    OutOfRange,
}

/// Reads seconds since the Unix epoch, or a time as RFC 3339 writes it.
///
/// # Errors
/// [`TimeError`].
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if is_number {
        text.parse::<i64>().map_err(|_| TimeError::OutOfRange)?
    } else {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeError::Malformed)?;
        time.unix_timestamp()
    };
    u64::try_from(seconds).map(Timestamp::new).map_err(|_| TimeError::OutOfRange)
}

/// The time in UTC as RFC 3339 writes it; the seconds when it lies beyond the year 9999.
pub fn show(time: Timestamp) -> String {
    i64::try_from(time.get())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{} seconds after 1970", time.get()))
}

/// A span in its two largest units, as in `3 days 4 h`.
pub fn span(seconds: u64) -> String {
    let units = [(DAY_S, "days"), (HOUR_S, "h"), (MINUTE_S, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(size_s, _)| seconds >= *size_s) else { return "0 s".into() };
    let mut rest = seconds;
    let parts = units[first..].iter().take(2).filter_map(|(size_s, name)| {
        let count = rest / size_s;
        rest %= size_s;
        let name = if (*name, count) == ("days", 1) { "day" } else { name };
        (count > 0).then(|| format!("{count} {name}"))
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_in_both_forms() {
        for (text, seconds) in [
            ("0", 0),
            ("1714521601", 1_714_521_601),
            ("2024-05-01T00:00:01Z", 1_714_521_601),
            ("2024-05-01T02:00:01+02:00", 1_714_521_601),
            ("1970-01-01T00:00:00Z", 0),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(parse(text), Ok(Timestamp::new(seconds)), "{text}");
        }
        for text in ["", " 1", "-1", "tomorrow", "2024-05-01", "2024-13-01T00:00:00Z", "1e9"] {
            assert_eq!(parse(text), Err(TimeError::Malformed), "{text}");
        }
        for text in ["1969-12-31T23:59:59Z", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(parse(text), Err(TimeError::OutOfRange), "{text}");
        }
    }

    #[test]
    fn spans_have_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (86_400, "1 day"),
            (86_399, "23 h 59 min"),
            (3 * 86_400 + 4 * 3_600 + 59, "3 days 4 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(seconds in 0..253_402_300_800u64) {
            let time = Timestamp::new(seconds);
            prop_assert_eq!(parse(&show(time)), Ok(time));
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_is_shown_in_seconds() {
        assert_eq!(show(Timestamp::new(i64::MAX as u64)), "9223372036854775807 seconds after 1970");
    }
}
