//! TO BE WRITTEN: millrace-upgrade.
