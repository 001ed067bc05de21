//! TO BE WRITTEN: millrace-cli.
