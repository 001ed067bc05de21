//! TO BE WRITTEN: millrace-engine.
