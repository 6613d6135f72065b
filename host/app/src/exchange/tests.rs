//! The end of the exchange, and its connections.

use super::*;

#[tokio::test]
async fn the_host_ends_with_an_exchange_that_panics_and_stops_it_at_its_own_end() {
    let running = |ends: bool| {
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let served = tokio::spawn(async move {
            assert!(!ends, "a fault of the host");
            let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
        });
        RunningExchange { stop, served }
    };
    let panicked = running(true);
    RunningExchange::stop_with(Some(&panicked), std::future::pending()).await;
    assert!(panicked.end().await.is_err());

    let healthy = running(false);
    RunningExchange::stop_with(Some(&healthy), std::future::ready(())).await;
    healthy.stop.closed().await;
    assert!(healthy.end().await.is_ok());
}

#[test]
fn connections_leave_files_to_the_rest_of_the_host() {
    assert_eq!(affordable(1), 1);
    let most = affordable(usize::MAX);
    let files = getrlimit(Resource::Nofile).current;
    assert_eq!(files.is_some(), most < usize::MAX);
}
