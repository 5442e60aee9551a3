//! Ports for stations that are stopped and started again: below those the kernel gives to outgoing calls, and held by a
//! lock against every other test on this machine for as long as they may come back.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    ops::Range,
};

use rustix::fs::FlockOperation;

/// Other than those of the demo.
const PORTS: Range<u16> = 12_000..20_000;

/// An address on this machine that belongs to whoever holds this.
pub struct Port {
    /// The address.
    pub address: SocketAddr,
    // The port is free for others when this is closed.
    _lock: File,
}

impl Port {
    /// Takes one.
    pub fn take() -> Self {
        let locks = std::env::temp_dir().join("zhuji-test-ports");
        fs::create_dir_all(&locks).unwrap();
        // Processes that begin at the same time begin at different places.
        let begin = u16::try_from(std::process::id() * 61 % u32::try_from(PORTS.len()).unwrap()).unwrap();
        let mut ports = PORTS.skip(begin.into()).chain(PORTS);
        let taken = ports.find_map(|port| {
            let lock = File::create(locks.join(port.to_string())).ok()?;
            rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
            let address = TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().unwrap();
            Some(Self { address, _lock: lock })
        });
        taken.expect("a free port below those for outgoing calls")
    }
}
