//! TO BE WRITTEN: millrace-installer.
