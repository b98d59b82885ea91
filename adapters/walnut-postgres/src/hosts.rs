//! Which of several hosts is connected to.
//!
//! ```text
//!   host 1  ──► silent ............................► dropped
//!   host 2           └─ after a while ──► answers ──► used, and asked first from now on
//! ```
//!
//! 1. The hosts are asked in their order, from the one that answered last. One that is silent is not
//!    waited for: the next is asked as well, and the first that answers is used. The client bounds the
//!    time of a socket, not that of a handshake, so a primary that is frozen would hold up each call
//!    until its time is over, and the standby would never be asked.
//! 2. An attempt goes on when the time of its call is over, and what it opens is left to the next
//!    call. So a client on a busy machine, for which a handshake takes longer than a call may, gets
//!    there nevertheless.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};
use walnut::remote::Failure;

/// The hosts of a connection string.
pub(crate) struct Hosts {
    server: String,
    each: Vec<Config>,
    /// The one that answered last.
    last: AtomicUsize,
}

impl Hosts {
    pub(crate) fn new(server: String, config: &Config) -> Self {
        let each = each_of(config);
        let last = match config.get_load_balance_hosts() {
            LoadBalanceHosts::Random => {
                usize::try_from(RandomState::new().hash_one(&server)).unwrap_or(1) % each.len()
            }
            _ => 0,
        };
        Self { server, each, last: AtomicUsize::new(last) }
    }

    /// Engine and addresses, for errors.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The first connection that `open` opens. What an attempt opens after the call's end is passed to
    /// `leave`. `timeout` is the time that a call may take.
    pub(crate) async fn connect<T, F>(
        &self,
        timeout: Duration,
        open: impl Fn(Config) -> F,
        leave: impl Fn(T) + Clone + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let count = self.each.len();
        let silence = timeout / u32::try_from(2 * count).unwrap_or(u32::MAX);
        let first = self.last.load(Ordering::Relaxed);
        let mut hosts = (0..count).map(|step| (first + step) % count);
        let is_over = Arc::new(AtomicBool::new(false));
        let mut attempts = FuturesUnordered::new();
        let mut failure = None;
        loop {
            match hosts.next() {
                Some(host) => {
                    let opening = tokio::time::timeout(timeout * 2, open(self.each[host].clone()));
                    let late = self.unavailable("a host does not answer");
                    let lost = self.unavailable("the client has failed");
                    let (is_over, leave) = (Arc::clone(&is_over), leave.clone());
                    let (sender, receiver) = oneshot::channel();
                    tokio::spawn(async move {
                        let opened = opening.await.unwrap_or(Err(late));
                        if let Err(Ok(opened)) = sender.send(opened)
                            && !is_over.load(Ordering::Relaxed)
                        {
                            leave(opened);
                        }
                    });
                    attempts.push(async move { (host, receiver.await.unwrap_or(Err(lost))) });
                }
                None if attempts.is_empty() => {
                    return Err(failure.unwrap_or_else(|| self.unavailable("no host answers")));
                }
                None => {}
            }
            let answer = if hosts.len() > 0 {
                tokio::time::timeout(silence, attempts.next()).await.ok().flatten()
            } else {
                attempts.next().await
            };
            match answer {
                Some((host, Ok(opened))) => {
                    is_over.store(true, Ordering::Relaxed);
                    self.last.store(host, Ordering::Relaxed);
                    return Ok(opened);
                }
                Some((_, Err(error))) => failure = Some(error),
                None => {}
            }
        }
    }

    fn unavailable(&self, what: &str) -> Failure {
        Failure::Unavailable(format!("{}: {what}", self.server))
    }
}

/// The same with one host in each; as it is when hosts, addresses and ports do not agree, which the
/// client refuses.
fn each_of(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let agree = |count: usize, least: usize| count <= least || count == hosts.len();
    if hosts.len() < 2 || !agree(addresses.len(), 0) || !agree(ports.len(), 1) {
        return vec![config.clone()];
    }
    let one = |(index, host): (usize, &Host)| {
        let mut one = without_hosts(config);
        match host {
            Host::Tcp(name) => one.host(name.clone()),
            #[cfg(unix)]
            Host::Unix(path) => one.host_path(path),
        };
        if let Some(address) = addresses.get(index) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(index).or_else(|| ports.first()) {
            one.port(*port);
        }
        one
    };
    hosts.iter().enumerate().map(one).collect()
}

fn without_hosts(config: &Config) -> Config {
    let mut copy = Config::new();
    copy.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    macro_rules! copy_if_set {
        ($($set:ident: $get:ident),*) => {
            $(if let Some(value) = config.$get() { copy.$set(value.to_owned()); })*
        };
    }
    copy_if_set!(
        user: get_user, password: get_password, dbname: get_dbname, options: get_options,
        application_name: get_application_name, connect_timeout: get_connect_timeout,
        tcp_user_timeout: get_tcp_user_timeout, keepalives_interval: get_keepalives_interval,
        keepalives_retries: get_keepalives_retries
    );
    copy
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Mutex;

    use tokio::runtime::Builder;

    use super::*;

    fn hosts(text: &str) -> Hosts {
        Hosts::new("postgres".to_owned(), &text.parse().expect("a string"))
    }

    fn name(config: &Config) -> Host {
        config.get_hosts()[0].clone()
    }

    #[test]
    fn a_silent_host_is_passed_over_and_the_one_that_answered_is_asked_first() {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let hosts = hosts("host=silent,closed,well");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let connect = || {
            let asked = Arc::clone(&asked);
            let open = move |config: Config| {
                let host = name(&config);
                asked.lock().expect("no panic").push(host.clone());
                async move {
                    match host {
                        Host::Tcp(name) if name == "silent" => pending().await,
                        Host::Tcp(name) if name == "closed" => Err(Failure::Unavailable(name)),
                        host => Ok(host),
                    }
                }
            };
            runtime.block_on(hosts.connect(Duration::from_millis(60), open, |_| panic!("nothing is left")))
        };
        let [silent, closed, well] = ["silent", "closed", "well"].map(|name| Host::Tcp(name.to_owned()));
        assert_eq!(connect().as_ref(), Ok(&well));
        assert_eq!(connect().as_ref(), Ok(&well));
        assert_eq!(*asked.lock().expect("no panic"), [silent, closed, well.clone(), well]);
    }

    #[test]
    fn what_is_opened_after_the_time_of_its_call_is_left_to_the_next() {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let hosts = hosts("host=slow");
        let (send, wait) = oneshot::channel::<u8>();
        let (wait, (leave, mut left)) = (Mutex::new(Some(wait)), tokio::sync::mpsc::unbounded_channel());
        let open = |_| {
            let wait = wait.lock().expect("no panic").take().expect("one host is asked once");
            async move { wait.await.map_err(|_| Failure::Conflict) }
        };
        let leave = move |opened| leave.send(opened).expect("it is waited for");
        runtime.block_on(async {
            let call = hosts.connect(Duration::from_secs(3600), open, leave);
            assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
            send.send(7).expect("the attempt goes on");
            assert_eq!(left.recv().await, Some(7));
        });
    }

    #[test]
    fn the_last_error_is_returned_when_no_host_answers() {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let open = |config| ready(Err::<(), _>(Failure::Refused(format!("{:?}", name(&config)))));
        let outcome = runtime.block_on(hosts("host=a,b").connect(Duration::from_secs(60), open, drop));
        assert_eq!(outcome, Err(Failure::Refused("Tcp(\"b\")".to_owned())));
    }

    #[test]
    fn a_string_is_divided_by_its_hosts_and_nothing_of_it_is_lost() {
        let settings = "user=app password=secret dbname=app options='-c a=b' application_name=me sslmode=disable \
            connect_timeout=3 tcp_user_timeout=4 keepalives=1 keepalives_idle=5 keepalives_interval=6 \
            keepalives_retries=7 target_session_attrs=read-write channel_binding=disable load_balance_hosts=random";
        let parse = |hosts: &str| format!("{hosts} {settings}").parse::<Config>().expect("a string");
        let cases = [
            ("host=a", vec!["host=a"]),
            ("host=a,b,/run/c", vec!["host=a", "host=b", "host=/run/c"]),
            ("host=a,b port=7", vec!["host=a port=7", "host=b port=7"]),
            ("host=a,b port=7,8", vec!["host=a port=7", "host=b port=8"]),
            (
                "host=a,b hostaddr=127.0.0.1,127.0.0.2",
                vec!["host=a hostaddr=127.0.0.1", "host=b hostaddr=127.0.0.2"],
            ),
            ("host=a,b,c port=7,8", vec!["host=a,b,c port=7,8"]),
        ];
        for (whole, each) in cases {
            assert_eq!(each_of(&parse(whole)), each.into_iter().map(parse).collect::<Vec<_>>(), "{whole}");
        }
    }
}
