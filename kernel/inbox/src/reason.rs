//! Why a message changed nothing.

use core::fmt;
use millrace_wire::{
    authority::CertificateError,
    blueprint::{ChunkError, legacy::LegacyError},
    dal::DalError,
    delayed::BridgeError,
    deposit::RoutingError,
    governance::GovernanceError,
    message::Ignored,
    proxy::ProxyError,
};

/// Why a message changed nothing. The order is roughly that of the checks, from cheap to expensive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing to this rollup.
    Message(Ignored),
    /// For this rollup, of a kind that this kernel does not act upon.
    Unsupported,
    /// The body is not a chunk of a blueprint.
    Chunk(ChunkError),
    /// The body is not a chunk of a blueprint of format 0.
    LegacyChunk(LegacyError),
    /// A blueprint for a block that exists.
    Stale,
    /// A blueprint more than [`crate::BLUEPRINTS_AHEAD_MAX`] blocks ahead.
    TooFarAhead,
    /// A blueprint, and nobody may order transactions.
    NoAuthority,
    /// A blueprint of format 0, which only a single sequencer can sign.
    NotOneSequencer,
    /// A chunk that is signed for another chain.
    OtherChain,
    /// This piece is stored already.
    DuplicatePiece,
    /// The header does not commit to this piece.
    WrongProof,
    /// The certificate is not that of the authority.
    Certificate(CertificateError),
    /// Another header of the same authority came first for this number.
    CompetingHeader,
    /// A ticket of another ticketer, and there is no bridge for those.
    OtherTicketer,
    /// A ticket of the ticketer that is not tez.
    TicketContent,
    /// A deposit of nothing.
    AmountZero,
    /// A deposit of more mutez than there can be.
    AmountTooLarge,
    /// A deposit that names no receiver.
    Routing(RoutingError),
    /// An FA deposit that names no receiver.
    FaRouting,
    /// This item waits already.
    DuplicateItem,
    /// The delayed inbox is full.
    DelayedInboxFull,
    /// Not the contract that may send this.
    OtherSender,
    /// Bytes of the delayed bridge that are nothing.
    Bridge(BridgeError),
    /// A chunk of a transaction that nobody announced, or of which all chunks are there.
    BridgeNotStarted,
    /// A transaction larger than [`millrace_wire::TRANSACTION_BYTES_MAX`].
    TransactionTooLarge,
    /// A transaction for the queue, while somebody is in charge of ordering.
    SequencerInOffice,
    /// The body is not a transaction, an announcement or a chunk of one.
    Proxy(ProxyError),
    /// The hash of a transaction or of a chunk is not what the message says.
    WrongHash,
    /// A chunk of a transaction that was not announced, or not with this chunk.
    NotAnnounced,
    /// This transaction was announced already.
    AlreadyAnnounced,
    /// As many transactions are being put together, or wait, as may.
    QueueFull,
    /// Bytes of governance that decide nothing.
    Governance(GovernanceError),
    /// A contract that may not decide this.
    NotAllowed,
    /// This upgrade waits already.
    DuplicateUpgrade,
    /// As many upgrades wait as may.
    TooManyUpgrades,
    /// There is no such upgrade to cancel or to force.
    NoUpgrade,
    /// An upgrade can be forced only some time after its own.
    TooEarly,
    /// The rollup imports nothing from the data availability layer.
    DalDisabled,
    /// The rollup heeds no signals.
    SignalsDisabled,
    /// The body is not a signal, or the publishers of attested slots are none.
    Dal(DalError),
    /// A signal that names a slot that the rollup does not listen to.
    SlotNotListed,
    /// A signal that names no slot.
    NoSlots,
    /// The layer 1 has no data availability layer, or one with slots larger than this kernel reads.
    DalUnavailable,
    /// It is not settled yet whether the slot is attested.
    SlotTooEarly,
    /// The slot was published [`millrace_layout::dal::LEVELS_MAX`] levels ago or more.
    SlotTooOld,
    /// The slot was taken up before.
    SlotDone,
    /// As many slots were taken up in this level as may.
    TooManySlots,
    /// An upgrade that leaves less notice than it must.
    TooSoon,
    /// This change of authority waits already.
    DuplicateAuthority,
    /// As many changes of authority wait as may.
    TooManyAuthorities,
    /// A change of authority that is not later than the last one that took effect.
    StaleAuthority,
    /// Nobody is in office who could be removed.
    NobodyInOffice,
}

impl Reason {
    /// A stable number: 1 to 99 are those of [`Ignored`].
    pub const fn code(self) -> u16 {
        self.entry().0
    }

    /// The same in words.
    pub const fn text(self) -> &'static str {
        self.entry().1
    }

    const fn entry(self) -> (u16, &'static str) {
        match self {
            Self::Message(ignored) => (ignored.code(), ignored.text()),
            Self::Unsupported => (100, "kind of message that this kernel does not act upon"),
            Self::Chunk(error) => chunk(error),
            Self::Stale => (110, "blueprint for a block that exists"),
            Self::TooFarAhead => (111, "blueprint too far ahead"),
            Self::NoAuthority => (112, "blueprint without an authority in office"),
            Self::DuplicatePiece => (113, "piece already stored"),
            Self::WrongProof => (114, "header does not commit to the piece"),
            Self::Certificate(CertificateError::Epoch) => (115, "blueprint of another epoch"),
            Self::Certificate(CertificateError::Scheme) => {
                (116, "certificate scheme not that of the authority")
            }
            Self::Certificate(CertificateError::Signature) => (117, "wrong signature"),
            Self::CompetingHeader => (118, "another blueprint came first for this number"),
            Self::Certificate(CertificateError::Signers) => (119, "signers are not a quorum"),
            Self::NotOneSequencer => (120, "blueprint of format 0 under a committee"),
            Self::OtherChain => (121, "chunk for another chain"),
            Self::LegacyChunk(error) => legacy_chunk(error),
            Self::OtherTicketer => (130, "ticket of another ticketer"),
            Self::TicketContent => (131, "ticket is not tez"),
            Self::AmountZero => (132, "deposit of nothing"),
            Self::AmountTooLarge => (133, "deposit too large"),
            Self::Routing(RoutingError::Empty) => (134, "deposit without receiver"),
            Self::Routing(RoutingError::UnknownVersion) => (135, "deposit routing of unknown version"),
            Self::Routing(RoutingError::Malformed) => (136, "malformed deposit routing"),
            Self::Routing(RoutingError::NotEvm) => (137, "deposit receiver is not an EVM account"),
            Self::DuplicateItem => (138, "item waits already"),
            Self::DelayedInboxFull => (139, "delayed inbox is full"),
            Self::FaRouting => (140, "malformed routing of an FA deposit"),
            Self::OtherSender => (141, "not the contract that may send this"),
            Self::BridgeNotStarted => (142, "chunk of a delayed transaction that was not announced"),
            Self::TransactionTooLarge => (143, "transaction too large"),
            Self::Bridge(error) => bridge(error),
            Self::SequencerInOffice => (160, "transaction past the sequencer in office"),
            Self::WrongHash => (161, "hash is not that of the transaction"),
            Self::NotAnnounced => (162, "chunk of a transaction that was not announced"),
            Self::AlreadyAnnounced => (163, "transaction announced already"),
            Self::QueueFull => (164, "queue is full"),
            Self::Proxy(error) => proxy(error),
            Self::NotAllowed => (180, "contract may not decide this"),
            Self::DuplicateUpgrade => (181, "upgrade waits already"),
            Self::TooManyUpgrades => (182, "too many upgrades wait"),
            Self::NoUpgrade => (183, "no such upgrade"),
            Self::TooEarly => (184, "too early to force the upgrade"),
            Self::TooSoon => (185, "upgrade with less notice than it must have"),
            Self::DuplicateAuthority => (186, "change of authority waits already"),
            Self::TooManyAuthorities => (187, "too many changes of authority wait"),
            Self::StaleAuthority => (188, "change of authority not later than the last one"),
            Self::NobodyInOffice => (189, "nobody is in office"),
            Self::Governance(error) => governance(error),
            Self::DalDisabled => (200, "nothing is imported from the data availability layer"),
            Self::SignalsDisabled => (201, "signals are not heeded"),
            Self::SlotNotListed => (202, "slot that the rollup does not listen to"),
            Self::NoSlots => (203, "signal of no slots"),
            Self::DalUnavailable => (204, "no data availability layer, or one of another size"),
            Self::SlotTooEarly => (205, "slot not settled yet"),
            Self::SlotTooOld => (206, "slot too old"),
            Self::SlotDone => (207, "slot taken up before"),
            Self::TooManySlots => (208, "too many slots in this level"),
            Self::Dal(error) => dal(error),
        }
    }
}

const fn chunk(error: ChunkError) -> (u16, &'static str) {
    match error {
        ChunkError::Truncated => (101, "truncated chunk"),
        ChunkError::Header => (102, "malformed blueprint header"),
        ChunkError::UnknownScheme => (103, "unknown certificate scheme"),
        ChunkError::Index => (104, "chunk index out of range"),
        ChunkError::PieceSize => (105, "piece of the wrong size"),
        ChunkError::Certificate => (106, "malformed certificate"),
    }
}

const fn legacy_chunk(error: LegacyError) -> (u16, &'static str) {
    match error {
        LegacyError::Malformed => (122, "malformed chunk of format 0"),
        LegacyError::Width => (123, "field of the wrong width in a chunk of format 0"),
        LegacyError::Number => (124, "block number out of range in a chunk of format 0"),
        LegacyError::Count => (125, "chunk count out of range in a chunk of format 0"),
        LegacyError::Index => (126, "chunk index out of range in a chunk of format 0"),
        LegacyError::PieceSize => (127, "piece too large in a chunk of format 0"),
    }
}

const fn bridge(error: BridgeError) -> (u16, &'static str) {
    match error {
        BridgeError::Empty => (150, "nothing from the delayed bridge"),
        BridgeError::Start => (151, "malformed start from the delayed bridge"),
        BridgeError::NoChunks => (152, "delayed transaction of no chunks"),
        BridgeError::TooManyChunks => (153, "delayed transaction of too many chunks"),
        BridgeError::ChunkSize => (154, "chunk of the wrong size from the delayed bridge"),
        BridgeError::UnknownTag => (155, "unknown bytes from the delayed bridge"),
    }
}

const fn proxy(error: ProxyError) -> (u16, &'static str) {
    match error {
        ProxyError::Truncated => (170, "truncated transaction message"),
        ProxyError::Empty => (171, "transaction or chunk without bytes"),
        ProxyError::Count => (172, "chunk count of a transaction out of range"),
        ProxyError::TrailingBytes => (173, "bytes after the hashes of a transaction"),
        ProxyError::Index => (174, "chunk index of a transaction out of range"),
        ProxyError::PieceSize => (175, "chunk of a transaction too large"),
    }
}

const fn governance(error: GovernanceError) -> (u16, &'static str) {
    match error {
        GovernanceError::Malformed => (190, "malformed decision of governance"),
        GovernanceError::Width => (191, "field of the wrong width in a decision of governance"),
        GovernanceError::Timestamp => (192, "timestamp out of range in a decision of governance"),
        GovernanceError::RootHash => (193, "unknown kind of root hash"),
        GovernanceError::Key => (194, "not a valid public key"),
        GovernanceError::Authority(_) => (195, "committee that could not take office"),
    }
}

const fn dal(error: DalError) -> (u16, &'static str) {
    match error {
        DalError::Malformed => (210, "malformed signal or publishers"),
        DalError::Width => (211, "field of the wrong width in a signal"),
        DalError::OutOfRange => (212, "level or slot out of range"),
        DalError::TooMany => (213, "too many levels or publishers"),
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (reason {})", self.text(), self.code())
    }
}

impl core::error::Error for Reason {}
