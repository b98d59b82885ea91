//! The first connection: whether the server is one that the adapter knows, and whether the table is
//! its own.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};
use walnut::remote::Failure;

use crate::dialect::{Dialect, OLDEST};
use crate::failure::{Asked, failure};
use crate::hosts::Hosts;
use crate::pool::connect;

/// Connects once, checks the server, and creates the table when there is none.
pub(crate) async fn prepare(hosts: Arc<Hosts>, table: String, timeout: Duration) -> Result<Dialect, Failure> {
    let server = hosts.server().to_owned();
    let open = |config| {
        let server = server.clone();
        async move { connect(&config).await.map_err(|error| failure(&server, &error, Asked::Connect)) }
    };
    let (client, driver, _) = hosts.connect(timeout, open, drop).await?;
    let outcome = check(&client, &server, &table).await;
    driver.abort();
    outcome
}

async fn check(client: &Client, server: &str, table: &str) -> Result<Dialect, Failure> {
    let version = first(client, server, "SELECT version()").await?;
    let Some(dialect) = Dialect::of_version(&version) else {
        return Err(Failure::Refused(format!("{server}: not a server that this adapter knows")));
    };
    if dialect == Dialect::Postgres {
        let number = first(client, server, "SHOW server_version_num").await?;
        check_version(server, &number)?;
    }
    let columns = columns(client, server, table).await?;
    if columns.is_empty() {
        create(client, server, &dialect.create_table(table)).await?;
    }
    check_columns(client, server, table).await?;
    if dialect != Dialect::Cockroach {
        let commit = first(client, server, "SHOW synchronous_commit").await?;
        if commit == "off" {
            let text = "synchronous_commit is off, so a commit would be acknowledged before it is durable";
            return Err(Failure::Refused(format!("{server}: {text}")));
        }
    }
    Ok(dialect)
}

/// `number` is the server's `server_version_num`.
fn check_version(server: &str, number: &str) -> Result<(), Failure> {
    match number.parse::<u32>() {
        Ok(number) if number >= OLDEST => Ok(()),
        Ok(number) => Err(Failure::Refused(format!(
            "{server}: the server is version {}, which is too old; the oldest that works is {}",
            number / 10_000,
            OLDEST / 10_000,
        ))),
        Err(_) => Err(Failure::Other(format!("{server}: its version is not a number"))),
    }
}

/// Creates the table, also when another client does at the same moment.
async fn create(client: &Client, server: &str, ddl: &str) -> Result<(), Failure> {
    match client.batch_execute(ddl).await {
        Ok(()) => Ok(()),
        Err(error) => match error.code().map(|code| code.code().to_owned()).as_deref() {
            // The other client was first, in one of two catalogs.
            Some("23505" | "42P07" | "42710" | "XX000") => Ok(()),
            _ => Err(failure(server, &error, Asked::Connect)),
        },
    }
}

/// The columns of the table: name, type, whether it must have a value, whether it is the primary key.
async fn columns(client: &Client, server: &str, table: &str) -> Result<Vec<[String; 4]>, Failure> {
    let text = format!(
        "SELECT a.attname, format_type(a.atttypid, NULL), a.attnotnull::text, \
         (EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = a.attrelid AND i.indisprimary \
         AND i.indkey[0] = a.attnum AND i.indnatts = 1))::text \
         FROM pg_attribute AS a WHERE a.attrelid = to_regclass('\"{table}\"') \
         AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    );
    let messages =
        client.simple_query(&text).await.map_err(|error| failure(server, &error, Asked::Connect))?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |row: &tokio_postgres::SimpleQueryRow, column| match row.try_get(column) {
        Ok(value) => Ok(value.unwrap_or_default().to_owned()),
        Err(error) => Err(failure(server, &error, Asked::Connect)),
    };
    rows.map(|row| Ok([text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?])).collect()
}

async fn check_columns(client: &Client, server: &str, table: &str) -> Result<(), Failure> {
    let columns = columns(client, server, table).await?;
    let own = [["k", "bytea", "true", "true"], ["v", "bytea", "true", "false"]];
    if columns == own {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{server}: the table \"{table}\" belongs to another program: its columns are not k bytea PRIMARY KEY, \
         v bytea NOT NULL"
    )))
}

async fn first(client: &Client, server: &str, text: &str) -> Result<String, Failure> {
    let messages =
        client.simple_query(text).await.map_err(|error| failure(server, &error, Asked::Connect))?;
    let found = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten().map(str::to_owned),
        _ => None,
    });
    found.ok_or_else(|| Failure::Other(format!("{server}: no answer to `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::check_version;
    use walnut::remote::Failure;

    #[test]
    fn an_old_server_is_refused_by_its_version() {
        assert_eq!(check_version("s", "150014"), Ok(()));
        assert_eq!(check_version("s", "120000"), Ok(()));
        let text = "s: the server is version 11, which is too old; the oldest that works is 12";
        assert_eq!(check_version("s", "110022"), Err(Failure::Refused(text.to_owned())));
        assert!(matches!(check_version("s", "many"), Err(Failure::Other(_))));
    }
}
