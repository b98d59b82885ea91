//! A network between a client and a server that can be cut, and servers that are none.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::ports::Ports;

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    /// They arrive.
    Passed,
    /// Those of the client do not arrive; its connection is closed instead.
    RequestLost,
    /// Those of the server do not arrive; the client's connection is closed instead.
    ReplyLost,
    /// Those of the server do not arrive, and the connection stays open.
    ReplyHeld,
    /// Those of the server arrive as others.
    ReplyGarbled,
}

/// A proxy in front of a server.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    fate: AtomicU8,
    /// The connections, each from its client and to the server, so that they can be closed.
    open: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Proxy {
    /// A proxy in front of the server at `server`.
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State { fate: AtomicU8::new(Fate::Passed as u8), open: Mutex::default() });
        let accepting = Arc::clone(&state);
        // The threads end with their connections, and this one with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else { continue };
                let _ = accepting.join(&client, &server);
            }
        });
        Self { address, state }
    }

    /// Decides about all bytes from now on.
    pub fn set(&self, fate: Fate) {
        self.state.fate.store(fate as u8, Ordering::SeqCst);
    }

    /// Ends [`Fate::ReplyHeld`]: the replies of all connections are lost, or garbled, as `fate` says.
    ///
    /// A server may send bytes of its own accord, before it has done its work (a window or a ping of HTTP/2).
    /// Under [`Fate::ReplyLost`] these would close the connection too, and the server would give up its work.
    /// Under `ReplyHeld` nothing happens until the caller has seen by another way that the work is done.
    pub fn end_of_held(&self, fate: Fate) {
        self.set(fate);
        match fate {
            Fate::ReplyLost => self.close_all(),
            Fate::ReplyGarbled => {
                for (client, _) in self.state.open().iter_mut() {
                    let _ = client.write_all(&[0xff; 64]);
                }
            }
            Fate::ReplyHeld | Fate::Passed | Fate::RequestLost => {}
        }
    }

    /// Closes all connections.
    pub fn close_all(&self) {
        for (client, server) in self.state.open().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn open(&self) -> MutexGuard<'_, Vec<(TcpStream, TcpStream)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.open().push((client.try_clone()?, server.try_clone()?));
        self.pass(client.try_clone()?, server.try_clone()?, Fate::RequestLost);
        self.pass(server.try_clone()?, client.try_clone()?, Fate::ReplyLost);
        Ok(())
    }

    /// Passes bytes on until they are to be lost.
    fn pass(self: &Arc<Self>, mut from: TcpStream, mut to: TcpStream, lost: Fate) {
        let state = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let fate = state.fate.load(Ordering::SeqCst);
                if fate == lost as u8 {
                    break;
                }
                if lost == Fate::ReplyLost && fate == Fate::ReplyHeld as u8 {
                    continue;
                }
                if lost == Fate::ReplyLost && fate == Fate::ReplyGarbled as u8 {
                    buffer[..count].fill(0xff);
                }
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

/// A server that answers each connection with `answer`, and then with nothing.
pub fn server_that_says(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut open = Vec::new();
        for mut client in listener.incoming().flatten() {
            let _ = client.write_all(answer);
            open.push(client);
        }
    });
    address
}

/// A port at which there is no server.
pub fn unused_address() -> SocketAddr {
    static UNUSED: LazyLock<Ports> = LazyLock::new(Ports::claim);
    SocketAddr::from(([127, 0, 0, 1], UNUSED.first()))
}
