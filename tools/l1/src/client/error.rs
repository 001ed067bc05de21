//! What can go wrong between us and a rollup node.

use std::fmt;

/// A failed request, told apart by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The endpoint given to [`RollupNode::new`](super::RollupNode::new) is no `http://` URL.
    #[error("the endpoint of the rollup node is not an http URL: {0:?}")]
    Endpoint(String),
    /// Nobody listens there, or the connection broke before an answer: nothing is known of the request's
    /// fate. Worth trying again.
    #[error("no connection to the rollup node for {request}: {cause}")]
    Refused {
        /// Method and path.
        request: String,
        /// What the network said.
        cause: String,
    },
    /// No answer, or no next piece of it, in the time allowed. Worth trying again.
    #[error("the rollup node did not answer {request} in {timeout_ms} ms")]
    Timeout {
        /// Method and path.
        request: String,
        /// The time allowed.
        timeout_ms: u64,
    },
    /// The node answered with an error.
    #[error("the rollup node answered {request} with status {status}: {trace}")]
    Status {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// Its explanation.
        trace: ErrorTrace,
    },
    /// The node answered with something else than the RPC promises. Trying again will not help.
    #[error("the answer of the rollup node to {request} is not understood: {cause}")]
    Decoding {
        /// Method and path.
        request: String,
        /// What does not fit.
        cause: String,
    },
    /// The answer is larger than [`answer_bytes_max`](super::RollupNodeConfig::answer_bytes_max).
    #[error("the answer of the rollup node to {request} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Method and path.
        request: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// A message given to [`RollupNode::inject_external`](super::RollupNode::inject_external) does not start
    /// with the tag of an external message.
    #[error("message {index} is no external inbox message: its first byte is not 01")]
    NotExternal {
        /// Position in the list.
        index: usize,
    },
}

impl ClientError {
    /// Whether the same request may succeed later without anybody changing anything: connection trouble,
    /// a timeout, or a status that says so (429, 5xx). Octez has status 500 for nearly all errors, and says of each
    /// whether it is permanent.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Timeout { .. } => true,
            Self::Status { status, trace, .. } => *status == 429 || (*status >= 500 && !trace.is_permanent),
            _ => false,
        }
    }
}

/// The explanation in an error answer: Octez sends a JSON array of errors, the innermost first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorTrace {
    /// Identifiers such as `failure`, in the order sent; empty when the body was no trace.
    pub ids: Vec<String>,
    /// One of the errors never goes away, by its own words.
    pub is_permanent: bool,
    /// The body as it was sent, cut to [`ErrorTrace::TEXT_CHARS_MAX`].
    pub text: String,
}

impl ErrorTrace {
    /// Most characters of the body that are kept.
    pub const TEXT_CHARS_MAX: usize = 500;

    /// Reads what can be read of an error body; anything is accepted.
    pub(super) fn read(body: &[u8]) -> Self {
        let text: String = String::from_utf8_lossy(body).chars().take(Self::TEXT_CHARS_MAX).collect();
        let errors: Vec<serde_json::Value> = serde_json::from_slice(body).unwrap_or_default();
        let ids = errors.iter().filter_map(|error| Some(error.get("id")?.as_str()?.to_owned())).collect();
        let is_permanent = errors.iter().any(|error| error["kind"] == "permanent");
        Self { ids, is_permanent, text }
    }
}

impl fmt::Display for ErrorTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "(no explanation)" } else { &self.text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_as_far_as_it_goes() {
        let octez =
            ErrorTrace::read(br#"[{"kind":"temporary","id":"failure","msg":"no"},{"kind":"generic"}]"#);
        assert_eq!(octez.ids, ["failure"]);
        let plain = ErrorTrace::read(b"Bad gateway");
        assert!(plain.ids.is_empty());
        assert_eq!(plain.to_string(), "Bad gateway");
        assert_eq!(ErrorTrace::read(b"").to_string(), "(no explanation)");
        assert_eq!(ErrorTrace::read(&[b'x'; 2_000]).text.len(), ErrorTrace::TEXT_CHARS_MAX);
    }

    #[test]
    fn transient_is_what_time_may_heal() {
        let status =
            |status| ClientError::Status { request: String::new(), status, trace: ErrorTrace::read(b"") };
        assert!(status(502).is_transient() && status(429).is_transient());
        assert!(!status(400).is_transient() && !status(404).is_transient());
        let octez = |kind: &str| ClientError::Status {
            request: String::new(),
            status: 500,
            trace: ErrorTrace::read(format!(r#"[{{"kind":"{kind}","id":"failure","msg":"x"}}]"#).as_bytes()),
        };
        assert!(octez("temporary").is_transient() && octez("branch").is_transient());
        assert!(!octez("permanent").is_transient());
        assert!(ClientError::Timeout { request: String::new(), timeout_ms: 1 }.is_transient());
        assert!(!ClientError::NotExternal { index: 0 }.is_transient());
    }
}
