//! The province: forwards up, fans out down.
