//! PURE. The post office: no runtime, no network, no disk, no clock, no dice; and it has never heard of an exam.

pub mod rows;
