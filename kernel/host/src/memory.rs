//! A host in memory, for tests: to be written.
/// To be written.
pub struct MemoryHost;
/// To be written.
pub struct FaultAt;
