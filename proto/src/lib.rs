//! The messages and services of `zhuji.v1`, generated from `proto/zhuji/v1/*.proto`, and nothing else.

#[allow(missing_docs, clippy::all, unreachable_pub, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("zhuji.v1");

    /// The compiled descriptors, for gRPC reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
