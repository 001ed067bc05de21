//! TO BE WRITTEN: millrace-store.
