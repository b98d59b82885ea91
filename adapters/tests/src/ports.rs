//! Ports for servers.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::{fs, process};

/// Ports of servers, which nothing else on this machine takes while this lives, also when no server
/// listens: they lie below those that the system takes for connections, and are claimed.
#[derive(Debug)]
pub struct Ports {
    /// The port below the first, which is bound for as long as the others are claimed.
    claim: TcpListener,
}

impl Ports {
    /// How many a claim has.
    const COUNT: u16 = 7;

    /// Claims ports that are free now.
    pub fn claim() -> Self {
        /// Where the next claim of this process is tried. Others begin elsewhere, most of the time.
        static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new((process::id() % 10_007) as u16));

        let all: Vec<u16> =
            (10_000..first_port_of_connections()).step_by(usize::from(Self::COUNT) + 1).collect();
        all.iter()
            .find_map(|_| {
                let next = NEXT.fetch_add(1, Ordering::Relaxed);
                Self::claim_behind(all[usize::from(next) % all.len()])
            })
            .expect("ports that are free")
    }

    fn claim_behind(port: u16) -> Option<Self> {
        let claim = TcpListener::bind(("127.0.0.1", port)).ok()?;
        let ports = Self { claim };
        let first = ports.first();
        let are_free =
            (first..first + Self::COUNT).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        are_free.then_some(ports)
    }

    /// The first of them.
    pub fn first(&self) -> u16 {
        self.claim.local_addr().expect("an address").port() + 1
    }
}

/// The system takes ports from this one on for the near ends of connections.
fn first_port_of_connections() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    first.filter(|first| *first > 11_000).unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn claimed_ports_are_claimed_once_and_no_connection_leaves_from_them() {
        let claims: Vec<_> = (0..40).map(|_| Ports::claim()).collect();
        let firsts: BTreeSet<_> = claims.iter().map(Ports::first).collect();
        assert_eq!(firsts.len(), claims.len());
        for claim in &claims {
            assert!(Ports::claim_behind(claim.first() - 1).is_none());
            assert!(claim.first() + Ports::COUNT <= first_port_of_connections());
            // Which is no obstacle for the server that they are meant for.
            let server = TcpListener::bind(("127.0.0.1", claim.first())).expect("a free port");
            let client = TcpStream::connect(server.local_addr().expect("an address")).expect("a connection");
            assert!(client.local_addr().expect("an address").port() >= first_port_of_connections());
        }
    }
}
