//! TO BE WRITTEN: millrace-bench.
