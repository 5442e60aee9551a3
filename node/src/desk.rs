//! People: the local interface, and what it shows. The desk asks and files; it decides nothing.

pub mod api;
pub mod check;
pub mod client;
pub mod duties;
pub mod notify;
pub mod officers;
pub mod seen;
pub mod serving;
pub mod status;
pub mod view;
