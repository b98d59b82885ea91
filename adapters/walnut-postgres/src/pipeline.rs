//! Several requests in one round trip.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

type Parameters = Vec<Box<dyn ToSql + Sync + Send>>;

/// A statement to send.
pub(crate) enum Request<'a> {
    /// A statement without parameters and of no interesting result.
    Text(&'static str),
    /// A statement whose rows matter.
    Query(&'a Statement, Parameters),
    /// A statement that writes.
    Execute(&'a Statement, Parameters),
}

impl Request<'_> {
    async fn send(self, client: &Client) -> Result<Vec<Row>, Error> {
        fn borrow(parameters: &Parameters) -> Vec<&(dyn ToSql + Sync)> {
            parameters.iter().map(|parameter| parameter.as_ref() as _).collect()
        }
        match self {
            Self::Text(text) => client.batch_execute(text).await.map(|()| Vec::new()),
            Self::Query(statement, parameters) => client.query(statement, &borrow(&parameters)).await,
            Self::Execute(statement, parameters) => {
                client.execute(statement, &borrow(&parameters)).await.map(|_| Vec::new())
            }
        }
    }
}

/// Sends `requests` in their order, and returns their answers in the same.
///
/// The client sends a request when its future is polled first, so the first round of polls is in
/// order.
pub(crate) async fn send<'a>(
    client: &Client,
    requests: impl IntoIterator<Item = Request<'a>>,
) -> Vec<Result<Vec<Row>, Error>> {
    let mut pending: Vec<Pin<Box<dyn Future<Output = _> + Send + '_>>> = Vec::new();
    for request in requests {
        pending.push(Box::pin(request.send(client)));
    }
    let mut answers: Vec<Option<_>> = pending.iter().map(|_| None).collect();
    poll_fn(move |context| {
        for (request, answer) in pending.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(output) = request.as_mut().poll(context)
            {
                *answer = Some(output);
            }
        }
        if answers.iter().all(Option::is_some) {
            Poll::Ready(answers.drain(..).flatten().collect())
        } else {
            Poll::Pending
        }
    })
    .await
}
