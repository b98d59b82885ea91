//! PostgreSQL and etcd, started by the scripts in `.ci/servers`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs};

use tempfile::TempDir;

use crate::ports::Ports;

/// Runs a script of `.ci/servers`, and fails with its output if it does.
fn script(name: &str, arguments: &[&str]) {
    let path = script_path(name);
    // The servers inherit the output, so it must not be a pipe, which would be waited for.
    let status = Command::new(&path).args(arguments).stdin(Stdio::null()).status();
    let status = status.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(status.success(), "{} {arguments:?}: {status}", path.display());
}

fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/servers").join(name)
}

/// A directory that any user can enter: PostgreSQL runs as one of its own.
fn directory() -> TempDir {
    directory_in(&env::temp_dir())
}

/// The same, in memory where that is large enough.
fn directory_in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { directory_in(memory) } else { directory() }
}

fn directory_in(place: &Path) -> TempDir {
    let directory = TempDir::with_prefix_in("walnut-server-", place).expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("rights");
    directory
}

/// The number of a place in this process: that of its table or its keys on the server of all tests.
pub fn place_number(place: &str) -> usize {
    static PLACES: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let next = places.len();
    *places.entry(place.to_owned()).or_insert(next)
}

/// A server that all tests of a process use at any time, and what stops it.
#[derive(Debug)]
struct OfProcess<S> {
    server: S,
    /// Its standard input is a pipe that ends with this process, however that ends.
    _stops: Child,
}

impl<S> OfProcess<S> {
    /// A server in a directory in memory where there is one: what is tested is not that disks keep
    /// their word. A script of `.ci/servers` stops it, called with each of `arguments`.
    fn new(server: S, directory: &Path, script: &str, arguments: &[Vec<String>]) -> Self {
        let mut stops = String::from("cat >/dev/null");
        for arguments in arguments {
            write!(stops, "; {} {}", script_path(script).display(), arguments.join(" ")).expect("text");
        }
        write!(stops, "; rm -rf {}", directory.display()).expect("text");
        // A session of its own: a signal to the group of this process is not for it.
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", &stops]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { server, _stops: command.spawn().expect("setsid") }
    }
}

/// A PostgreSQL server, which may have a synchronous standby.
#[derive(Debug)]
pub struct PostgresServer {
    directory: TempDir,
    _ports: Ports,
    /// The port of the primary.
    pub port: u16,
    /// The port of the standby, when there is one.
    pub standby_port: u16,
    running: [bool; 2],
}

impl PostgresServer {
    /// A new cluster, started.
    pub fn start() -> Self {
        Self::start_in(directory())
    }

    /// The server of all tests of this process, with which it ends.
    pub fn of_this_process() -> &'static Self {
        static SERVER: LazyLock<OfProcess<PostgresServer>> = LazyLock::new(|| {
            let server = PostgresServer::start_in(directory_in_memory());
            let stop = ["stop", &server.path("primary"), "immediate"].map(str::to_owned);
            let directory = server.directory.path().to_owned();
            OfProcess::new(server, &directory, "postgres", &[stop.to_vec()])
        });
        &SERVER.server
    }

    fn start_in(directory: TempDir) -> Self {
        let ports = Ports::claim();
        let (port, standby_port) = (ports.first(), ports.first() + 1);
        let mut server = Self { directory, _ports: ports, port, standby_port, running: [false, false] };
        server.start_again();
        server
    }

    /// A primary and a standby, without which the primary acknowledges no commit.
    pub fn with_standby() -> Self {
        let mut server = Self::start();
        let (port, primary) = (server.standby_port.to_string(), server.port.to_string());
        script("postgres", &["standby", &server.path("standby"), &port, &primary]);
        server.running[1] = true;
        server
    }

    /// A connection string for the primary, and the standby when there is one.
    pub fn text(&self) -> String {
        let (hosts, ports) = if self.running[1] {
            ("127.0.0.1,127.0.0.1", format!("{},{}", self.port, self.standby_port))
        } else {
            ("127.0.0.1", self.port.to_string())
        };
        format!("host={hosts} port={ports} user=walnut password=walnut dbname=postgres")
    }

    /// Runs SQL on the primary.
    pub fn sql(&self, text: &str) {
        let status = Command::new("psql")
            .env("PGPASSWORD", "walnut")
            .args(["-qXh", "127.0.0.1", "-U", "walnut", "-d", "postgres", "-v", "ON_ERROR_STOP=1"])
            .args(["-p", &self.port.to_string(), "-c", text])
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("psql").success(), "{text}");
    }

    /// Starts the primary after it was stopped.
    pub fn start_again(&mut self) {
        script("postgres", &["start", &self.path("primary"), &self.port.to_string()]);
        self.running[0] = true;
    }

    /// Stops the primary at once: its recovery reads the log.
    pub fn crash(&mut self) {
        script("postgres", &["stop", &self.path("primary"), "immediate"]);
        self.running[0] = false;
    }

    /// Stops the primary without an end: it neither answers nor goes away.
    pub fn freeze(&self) {
        script("postgres", &["freeze", &self.path("primary")]);
    }

    /// Ends the primary, also when it is frozen.
    pub fn kill(&mut self) {
        script("postgres", &["kill", &self.path("primary")]);
        self.running[0] = false;
    }

    /// Stops the standby at once.
    pub fn crash_standby(&mut self) {
        script("postgres", &["stop", &self.path("standby"), "immediate"]);
        self.running[1] = false;
    }

    /// Makes the standby a primary.
    pub fn promote(&self) {
        script("postgres", &["promote", &self.path("standby")]);
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        for (name, _) in
            ["standby", "primary"].iter().zip([self.running[1], self.running[0]]).filter(|(_, on)| *on)
        {
            script("postgres", &["stop", &self.path(name), "immediate"]);
        }
    }
}

/// An etcd cluster of three nodes.
#[derive(Debug)]
pub struct EtcdCluster {
    directory: TempDir,
    _ports: Ports,
    port: u16,
    has_network: bool,
    max_txn_ops: usize,
    running: [bool; 3],
}

impl EtcdCluster {
    /// A new cluster. Its nodes have been started, but may not serve yet.
    pub fn start() -> Self {
        Self::start_with(false, 128, directory())
    }

    /// The operations that a transaction of [`of_this_process`](Self::of_this_process) takes.
    pub const MAX_TXN_OPS: usize = 10_000;

    /// The cluster of all tests of this process, with which it ends. Its transactions take more
    /// operations than those of others.
    pub fn of_this_process() -> &'static Self {
        static CLUSTER: LazyLock<OfProcess<EtcdCluster>> = LazyLock::new(|| {
            let cluster = EtcdCluster::start_with(false, EtcdCluster::MAX_TXN_OPS, directory_in_memory());
            let kill = |node| ["kill", &cluster.path(), &number(node)].map(str::to_owned).to_vec();
            let kills: Vec<_> = (0..3).map(kill).collect();
            let directory = cluster.directory.path().to_owned();
            OfProcess::new(cluster, &directory, "etcd", &kills)
        });
        &CLUSTER.server
    }

    /// A new cluster in a network whose links can be cut.
    pub fn with_network() -> Self {
        Self::start_with(true, 128, directory())
    }

    fn start_with(has_network: bool, max_txn_ops: usize, directory: TempDir) -> Self {
        let ports = Ports::claim();
        let (port, running) = (ports.first(), [false; 3]);
        let mut cluster = Self { directory, _ports: ports, port, has_network, max_txn_ops, running };
        if has_network {
            script("etcd", &["network", &cluster.port.to_string()]);
        }
        for node in 0..3 {
            cluster.start_again(node);
        }
        cluster
    }

    /// The addresses of the nodes for clients.
    pub fn addresses(&self) -> [String; 3] {
        [0, 1, 2].map(|node| {
            let port = self.port + 2 * node;
            if self.has_network {
                format!("10.213.{}.{}:{port}", self.port % 250, node + 1)
            } else {
                format!("127.0.0.1:{port}")
            }
        })
    }

    /// Cuts a node off from the others, but not from its clients.
    pub fn cut(&self, node: usize) {
        script("etcd", &["cut", &self.port.to_string(), &number(node)]);
    }

    /// Lets a node that was cut off reach the others again.
    pub fn heal(&self, node: usize) {
        script("etcd", &["heal", &self.port.to_string(), &number(node)]);
    }

    /// Runs etcd's own client on the cluster, and returns what it prints.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        let output = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .arg(format!("--endpoints={}", self.addresses().join(",")))
            .args(arguments)
            .output()
            .expect("etcdctl");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Starts a node after it was killed.
    pub fn start_again(&mut self, node: usize) {
        let (path, port, operations) = (self.path(), self.port.to_string(), self.max_txn_ops.to_string());
        script("etcd", &["start", &path, &number(node), &port, "--max-txn-ops", &operations]);
        self.running[node] = true;
    }

    /// The node that leads. While one is elected, which a busy machine may cause at any time, it is
    /// asked for again, for a minute at most.
    pub fn leader(&self) -> usize {
        let begun = Instant::now();
        loop {
            let status = self.ctl(&["endpoint", "status", "-w", "fields"]);
            let values = |name: &str| -> Vec<String> {
                let prefix = format!("\"{name}\" : ");
                status.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
            };
            let (members, leaders) = (values("MemberID"), values("Leader"));
            if let Some(leader) = members.iter().position(|member| *member == leaders[0]) {
                return leader;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "a leader: {status}");
        }
    }

    /// Kills a node with signal 9.
    pub fn kill(&mut self, node: usize) {
        script("etcd", &["kill", &self.path(), &number(node)]);
        self.running[node] = false;
    }

    /// Stops a node in the middle of whatever it does: it neither answers nor goes away.
    pub fn freeze(&self, node: usize) {
        script("etcd", &["freeze", &self.path(), &number(node)]);
    }

    /// Lets a frozen node go on.
    pub fn thaw(&self, node: usize) {
        script("etcd", &["thaw", &self.path(), &number(node)]);
    }

    fn path(&self) -> String {
        PathBuf::from(self.directory.path()).display().to_string()
    }
}

/// The script counts from one.
fn number(node: usize) -> String {
    (node + 1).to_string()
}

impl Drop for EtcdCluster {
    fn drop(&mut self) {
        for node in (0..3).filter(|node| self.running[*node]) {
            script("etcd", &["kill", &self.path(), &number(node)]);
        }
        if self.has_network {
            script("etcd", &["no-network", &self.port.to_string()]);
        }
    }
}
