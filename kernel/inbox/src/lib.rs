//! TO BE WRITTEN: millrace-inbox.
