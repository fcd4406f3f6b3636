//! Input files, read a stretch of complete lines at a time.
