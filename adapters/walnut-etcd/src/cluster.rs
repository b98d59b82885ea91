//! The nodes of a cluster, and requests to one of them.
//!
//! All requests go to one node until it fails; then to the next. A node that was cut off from the
//! others answers, but not in time.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use walnut::remote::Failure;
use walnut_adapter::{Runtime, Unfinished};

use crate::failure::{Asked, failure, is_token_missing, is_transient, is_unsent};
use crate::keys::Keys;
use crate::wire::{AuthenticateRequest, AuthenticateResponse};

/// The longest answer that is accepted. A longer one is asked for in parts.
const ANSWER: usize = 8 << 20;

/// How often a node is asked for a sign of life while it owes an answer. etcd closes connections that
/// ask more often than every 5 s.
const PING: Duration = Duration::from_secs(6);

/// A request that changes nothing.
pub(crate) const RANGE: &str = "/etcdserverpb.KV/Range";
/// A transaction.
pub(crate) const TXN: &str = "/etcdserverpb.KV/Txn";
/// The version of a node.
pub(crate) const STATUS: &str = "/etcdserverpb.Maintenance/Status";
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// A name and a password.
pub(crate) type Credentials = (String, String);

/// Everything that sessions share.
pub(crate) struct Cluster {
    pub(crate) runtime: Runtime,
    pub(crate) keys: Keys,
    /// Engine and addresses, for errors.
    pub(crate) server: String,
    /// How long one call of the caller may take.
    pub(crate) timeout: Duration,
    /// The most operations of a transaction.
    pub(crate) operation_count: usize,
    nodes: Vec<Node>,
    /// The node that requests go to.
    current: AtomicUsize,
    credentials: Option<Credentials>,
    token: Mutex<Option<MetadataValue<Ascii>>>,
}

struct Node {
    address: String,
    channel: Channel,
}

impl Cluster {
    pub(crate) fn new(
        addresses: &[String],
        keys: Keys,
        timeout: Duration,
        operation_count: usize,
        credentials: Option<Credentials>,
    ) -> Result<Self, Failure> {
        let server = format!("etcd at {}", addresses.join(","));
        let runtime = Runtime::start("walnut-etcd")
            .map_err(|error| Failure::Unavailable(format!("{server}: no thread: {error}")))?;
        // A node that is gone without a word is noticed after a third of the time for a call.
        let part = timeout / 3;
        let connect = |address: &String| {
            let endpoint = Endpoint::from_shared(format!("http://{address}"))
                .map_err(|_| Failure::Refused(format!("etcd: `{address}` is not `host:port`")))?
                .connect_timeout(part)
                .http2_keep_alive_interval(PING)
                .keep_alive_timeout(part);
            let channel = runtime.enter(|| endpoint.connect_lazy());
            Ok(Node { address: address.clone(), channel })
        };
        let nodes = addresses.iter().map(connect).collect::<Result<_, _>>()?;
        let (current, token) = (AtomicUsize::new(0), Mutex::new(None));
        Ok(Self { runtime, keys, server, timeout, operation_count, nodes, current, credentials, token })
    }

    /// Asks one node after the other until one answers. For requests that change nothing.
    pub(crate) async fn read<Q, A>(&self, path: &'static str, request: &Q) -> Result<A, (String, Status)>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        // Each node once, and the first of them again: it may have had a connection that was gone.
        let mut tries = self.nodes.len() + 1;
        loop {
            let node = self.current.load(Ordering::Relaxed);
            let limit = self.timeout / 3;
            let outcome = match tokio::time::timeout(limit, self.ask(node, path, request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Status::unavailable(format!("no answer within {limit:?}"))),
            };
            let status = match outcome {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            tries -= 1;
            if !is_transient(&status) {
                return Err((self.name(node), status));
            }
            self.leave(node);
            if tries == 0 {
                return Err((self.name(node), status));
            }
        }
    }

    /// Asks for a commit: once, unless no node was reached with it.
    pub(crate) async fn commit<Q, A>(&self, request: &Q) -> Result<A, Failure>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let mut tries = self.nodes.len();
        loop {
            let node = self.current.load(Ordering::Relaxed);
            let status = match self.ask(node, TXN, request).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            tries -= 1;
            if is_transient(&status) {
                self.leave(node);
            }
            if tries == 0 || !is_unsent(&status) {
                return Err(failure(&self.name(node), &status, Asked::Commit));
            }
        }
    }

    /// Sends requests to the node behind `node` from here on, if they go to this one.
    fn leave(&self, node: usize) {
        let next = (node + 1) % self.nodes.len();
        let _ = self.current.compare_exchange(node, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Sends requests to another node than the current one.
    pub(crate) fn leave_current(&self) {
        self.leave(self.current.load(Ordering::Relaxed));
    }

    /// The engine and one of its nodes, for errors.
    fn name(&self, node: usize) -> String {
        format!("etcd at {}", self.nodes[node].address)
    }

    /// Asks one node, with a token where there are credentials.
    async fn ask<Q, A>(&self, node: usize, path: &'static str, request: &Q) -> Result<A, Status>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let Some(credentials) = &self.credentials else {
            return self.send(node, path, request.clone(), None).await;
        };
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = known {
            match self.send(node, path, request.clone(), Some(token)).await {
                // It was not executed.
                Err(status) if is_token_missing(&status) => {}
                outcome => return outcome,
            }
        }
        let token = self.authenticate(node, credentials).await?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        self.send(node, path, request.clone(), Some(token)).await
    }

    async fn authenticate(
        &self,
        node: usize,
        credentials: &Credentials,
    ) -> Result<MetadataValue<Ascii>, Status> {
        let (name, password) = credentials.clone();
        let request = AuthenticateRequest { name, password };
        let answer: AuthenticateResponse = self.send(node, AUTHENTICATE, request, None).await?;
        let mut token = MetadataValue::try_from(answer.token)
            .map_err(|_| Status::internal("the node answered with a token that cannot be sent"))?;
        token.set_sensitive(true);
        Ok(token)
    }

    async fn send<Q, A>(
        &self,
        node: usize,
        path: &'static str,
        request: Q,
        token: Option<MetadataValue<Ascii>>,
    ) -> Result<A, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut client = Grpc::new(self.nodes[node].channel.clone()).max_decoding_message_size(ANSWER);
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let mut request = Request::new(request);
        if let Some(token) = token {
            request.metadata_mut().insert("token", token);
        }
        let path = PathAndQuery::from_static(path);
        let answer = client.unary(request, path, ProstCodec::<Q, A>::default()).await?;
        Ok(answer.into_inner())
    }

    /// Why there was no answer.
    pub(crate) fn late(&self, unfinished: Unfinished) -> String {
        match unfinished {
            Unfinished::Late => format!("{}: no answer within {:?}", self.server, self.timeout),
            Unfinished::Lost => format!("{}: the client has failed", self.server),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("server", &self.server).finish_non_exhaustive()
    }
}
