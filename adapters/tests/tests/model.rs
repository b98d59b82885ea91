//! Random statements and transactions on tables with every kind of index, held against the model.

use walnut::Database;
use walnut_adapter_tests::contract::until_available;
use walnut_adapter_tests::servers::{EtcdCluster, PostgresServer};
use walnut_etcd::Options as EtcdOptions;
use walnut_postgres::Options as PostgresOptions;
use walnut_tests::model_check::{check_model_on, for_each_seed, seeds};
use walnut_tests::session::Session;

/// Steps of each seed.
const STEP_COUNT: usize = 100;

#[test]
fn tables_on_postgres_live_in_step_with_the_model() {
    let options = PostgresOptions::new(&PostgresServer::of_this_process().text()).expect("options");
    for_each_seed("tables_on_postgres", seeds(4), |seed| {
        let engine = options.clone().table(&format!("model_{seed}")).connect().expect("the server is there");
        check_model_on(seed + 500_000, STEP_COUNT, || Session::of(Database::on(engine.clone())?));
    });
}

#[test]
fn tables_on_etcd_live_in_step_with_the_model() {
    let options = EtcdOptions::new(EtcdCluster::of_this_process().addresses());
    for_each_seed("tables_on_etcd", seeds(4), |seed| {
        let options = options.clone().name(&format!("model_{seed}"));
        let engine = until_available(|| options.connect());
        check_model_on(seed + 500_000, STEP_COUNT, || Session::of(Database::on(engine.clone())?));
    });
}
