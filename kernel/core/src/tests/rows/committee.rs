//! Changes of who orders transactions.
