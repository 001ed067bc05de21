//! What endpoints do wrong.

use millrace_primitives::PreimageHash;
use std::collections::BTreeMap;
use std::fmt;

/// Why an endpoint did not give a page.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Nobody listens there, or the connection broke before the end of the answer.
    #[error("no whole answer: {cause}")]
    Broken {
        /// What the network said.
        cause: String,
    },
    /// No whole answer in the time allowed.
    #[error("no whole answer in {timeout_ms} ms")]
    Late {
        /// The time allowed.
        timeout_ms: u64,
    },
    /// Another status than 200; 404 is the plain one: it does not have the page.
    #[error("status {status}")]
    Status {
        /// HTTP status.
        status: u16,
    },
    /// More than a page can have.
    #[error("more than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// Bytes that have another hash: it lies, or something between here and there does.
    #[error("{size_bytes} bytes that have another hash")]
    OtherBytes {
        /// How many.
        size_bytes: usize,
    },
}

/// The kinds of faults, to count them by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FaultKind {
    /// [`Fault::Broken`]
    Broken,
    /// [`Fault::Late`]
    Late,
    /// [`Fault::Status`] with this status.
    Status(u16),
    /// [`Fault::TooLarge`]
    TooLarge,
    /// [`Fault::OtherBytes`]
    OtherBytes,
}

impl Fault {
    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::Late { .. } => true,
            Self::Status { status } => *status == 429 || *status >= 500,
            Self::TooLarge { .. } | Self::OtherBytes { .. } => false,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Broken { .. } => FaultKind::Broken,
            Self::Late { .. } => FaultKind::Late,
            Self::Status { status } => FaultKind::Status(*status),
            Self::TooLarge { .. } => FaultKind::TooLarge,
            Self::OtherBytes { .. } => FaultKind::OtherBytes,
        }
    }
}

/// Faults of one kind and one endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointFaults {
    /// Whose.
    pub endpoint: String,
    /// How many.
    pub count: u64,
    /// The page that was asked for at the first of them.
    pub page: PreimageHash,
    /// The first of them.
    pub first: Fault,
}

impl fmt::Display for EndpointFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, count, page, first } = self;
        write!(f, "{endpoint}: {first} (for {page}")?;
        if *count > 1 { write!(f, " and {} times more)", count - 1) } else { f.write_str(")") }
    }
}

/// Faults as they are counted: by endpoint, then by kind. Statuses of HTTP are few hundred, so the list is bounded.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<(usize, FaultKind), EndpointFaults>);

impl Ledger {
    pub(crate) fn note(&mut self, index: usize, endpoint: &str, page: PreimageHash, fault: Fault) {
        let entry = self.0.entry((index, fault.kind())).or_insert_with(|| {
            tracing::warn!(endpoint, %page, %fault, "an endpoint did not give a page");
            EndpointFaults { endpoint: endpoint.to_owned(), count: 0, page, first: fault }
        });
        entry.count += 1;
    }

    pub(crate) fn into_list(self) -> Vec<EndpointFaults> {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_by_endpoint_and_kind() {
        let mut ledger = Ledger::default();
        let page = crate::hash(b"page");
        for status in [404, 404, 500] {
            ledger.note(0, "http://a", page, Fault::Status { status });
        }
        ledger.note(1, "http://b", page, Fault::OtherBytes { size_bytes: 7 });
        let texts: Vec<_> = ledger.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                format!("http://a: status 404 (for {page} and 1 times more)"),
                format!("http://a: status 500 (for {page})"),
                format!("http://b: 7 bytes that have another hash (for {page})"),
            ]
        );
    }

    #[test]
    fn transient_is_what_time_may_heal() {
        assert!(Fault::Late { timeout_ms: 1 }.is_transient());
        assert!(Fault::Broken { cause: String::new() }.is_transient());
        for (status, is_transient) in [(404, false), (403, false), (429, true), (500, true), (503, true)] {
            assert_eq!(Fault::Status { status }.is_transient(), is_transient, "{status}");
        }
        assert!(!Fault::OtherBytes { size_bytes: 1 }.is_transient());
    }
}
