//! Fetching, from honest endpoints and from others.

use crate::fake::{Act, FakeEndpoint};
use crate::pages::{Pages, Site};
use millrace_preimages::server::{Server, ServerConfig};
use millrace_preimages::{Client, DEPTH_MAX, FaultKind, FetchConfig, Fetched, Refusal, Tree};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Barrier;

/// Short pauses; the limits of time are long enough for a busy machine, but for those that a test runs into.
fn config() -> FetchConfig {
    FetchConfig {
        request_timeout_ms: 30_000,
        fetch_timeout_ms: 60_000,
        pause_ms: 1,
        pause_ms_max: 4,
        ..FetchConfig::default()
    }
}

async fn fetch(site: &Site, pages: &Pages, endpoints: &[&str], config: FetchConfig) -> Fetched {
    Client::new(endpoints, config).unwrap().fetch(&site.folder(), pages.root).await.unwrap()
}

fn kinds(fetched: &Fetched, endpoint: &FakeEndpoint) -> Vec<FaultKind> {
    let of = fetched.faults.iter().filter(|faults| faults.endpoint == endpoint.url());
    of.map(|faults| faults.first.kind()).collect()
}

#[tokio::test]
async fn a_kernel_is_fetched_whole_from_a_server_and_once() {
    let (theirs, ours) = (Site::new(), Site::new());
    let pages = Pages::over(250);
    pages.keep(&theirs.folder());
    let server = Server::start(theirs.folder(), ServerConfig::new(([127, 0, 0, 1], 0).into())).await.unwrap();
    let url = format!("http://{}", server.address());
    let fetched = fetch(&ours, &pages, &[&url], config()).await;
    assert!(fetched.tree.is_whole() && fetched.faults.is_empty() && !fetched.is_late);
    assert_eq!((fetched.fetched, fetched.present), (254, 0));
    assert_eq!(Tree::of(&ours.folder(), pages.root).unwrap(), fetched.tree);
    let names: BTreeSet<_> = ours.names().into_iter().collect();
    assert_eq!(names, pages.all.keys().map(ToString::to_string).collect());
    server.stop().await;
    // The server is gone, and not needed.
    let again = fetch(&ours, &pages, &[&url], config()).await;
    assert!(again.tree.is_whole() && again.faults.is_empty());
    assert_eq!((again.fetched, again.present), (0, 254));
}

#[tokio::test]
async fn whatever_the_others_do_one_honest_endpoint_is_enough() {
    let site = Site::new();
    let pages = Pages::over(3);
    let honest = FakeEndpoint::always(&pages, Act::Serve).await;
    let bad = [
        (Act::Status(500), FaultKind::Status(500)),
        (Act::Status(404), FaultKind::Status(404)),
        (Act::Lie, FaultKind::OtherBytes),
        (Act::Truncate, FaultKind::Broken),
        (Act::Shorten, FaultKind::OtherBytes),
        (Act::Flood, FaultKind::TooLarge),
        (Act::Hang, FaultKind::Broken),
        (Act::Redirect(honest.url().to_owned()), FaultKind::Status(302)),
    ];
    let mut fakes = Vec::new();
    for (act, _) in &bad {
        fakes.push(FakeEndpoint::always(&pages, act.clone()).await);
    }
    let mut urls: Vec<_> = fakes.iter().map(FakeEndpoint::url).collect();
    urls.push(honest.url());
    let fetched = fetch(&site, &pages, &urls, config()).await;
    assert!(fetched.tree.is_whole());
    assert_eq!(fetched.fetched, 4);
    for (fake, (act, kind)) in fakes.iter().zip(&bad) {
        assert_eq!(kinds(&fetched, fake), [*kind], "{act:?}");
        // Who gave the last page is asked first: the others were asked once, for the root.
        assert_eq!(fake.asked(), [pages.root], "{act:?}");
    }
    assert_eq!(site.names().len(), 4, "nothing but pages is left: {:?}", site.names());
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_costs_its_time_and_no_more() {
    let site = Site::new();
    let pages = Pages::over(2);
    let slow = FakeEndpoint::always(&pages, Act::Stall).await;
    let honest = FakeEndpoint::always(&pages, Act::Serve).await;
    let config = FetchConfig { request_timeout_ms: 2_000, ..config() };
    let fetched = fetch(&site, &pages, &[slow.url(), honest.url()], config).await;
    assert!(fetched.tree.is_whole());
    assert_eq!(kinds(&fetched, &slow), [FaultKind::Late]);
    assert_eq!(slow.asked().len(), 1);
}

#[tokio::test]
async fn what_may_heal_is_tried_again_and_the_rest_is_not() {
    let pages = Pages::over(1);
    let rounds = FetchConfig { rounds: 3, ..config() };
    for (act, requests) in
        [(Act::Status(503), 3), (Act::Hang, 3), (Act::Truncate, 3), (Act::Status(404), 1), (Act::Lie, 1)]
    {
        let site = Site::new();
        let fake = FakeEndpoint::always(&pages, act.clone()).await;
        let fetched = fetch(&site, &pages, &[fake.url()], rounds.clone()).await;
        assert_eq!(fake.asked().len(), requests, "{act:?}");
        assert_eq!(fetched.faults[0].count, requests as u64, "{act:?}");
        assert_eq!(fetched.tree.missing, BTreeSet::from([pages.root]), "{act:?}");
        assert!(site.names().is_empty(), "{act:?}");
    }
    let healed = FakeEndpoint::start(&pages, |n, _| if n < 2 { Act::Status(503) } else { Act::Serve }).await;
    let fetched = fetch(&Site::new(), &pages, &[healed.url()], rounds).await;
    assert!(fetched.tree.is_whole());
    assert_eq!((fetched.faults[0].count, healed.asked().len()), (2, 3));
}

#[tokio::test]
async fn a_page_that_nobody_has_is_named_and_does_not_keep_the_others_back() {
    let site = Site::new();
    let pages = Pages::over(5);
    let (kept_back, damaged) = (pages.leaf(1), pages.leaf(3));
    let mut some = pages.clone();
    some.all.remove(&kept_back);
    let incomplete =
        FakeEndpoint::start(&some, move |_, hash| if hash == damaged { Act::Lie } else { Act::Serve }).await;
    let fetched = fetch(&site, &pages, &[incomplete.url()], config()).await;
    assert_eq!(fetched.tree.missing, BTreeSet::from([kept_back, damaged]));
    assert_eq!(fetched.fetched, 4);
    assert_eq!(kinds(&fetched, &incomplete), [FaultKind::Status(404), FaultKind::OtherBytes]);
    // Somebody else has them: only those are asked for.
    let honest = FakeEndpoint::always(&pages, Act::Serve).await;
    let fetched = fetch(&site, &pages, &[honest.url()], config()).await;
    assert!(fetched.tree.is_whole());
    assert_eq!(BTreeSet::from_iter(honest.asked()), BTreeSet::from([kept_back, damaged]));
}

#[tokio::test]
async fn a_fetch_that_is_abandoned_goes_on_where_it_was() {
    let site = Site::new();
    let pages = Pages::over(20);
    // The rest is never answered.
    let stalling = FakeEndpoint::start(&pages, |n, _| if n < 10 { Act::Serve } else { Act::Stall }).await;
    let client = Client::new(&[stalling.url()], config()).unwrap();
    let folder = site.folder();
    tokio::select! {
        _ = client.fetch(&folder, pages.root) => panic!("the fetch cannot end"),
        // Eight are asked at a time: with the eleventh stalled request all answers of before have come.
        () = stalling.wait_for(18) => {}
    }
    let before = Tree::of(&site.folder(), pages.root).unwrap();
    assert!(!before.is_whole() && before.wrong.is_empty() && before.pages >= 10, "{} pages", before.pages);
    let honest = FakeEndpoint::always(&pages, Act::Serve).await;
    let fetched = fetch(&site, &pages, &[honest.url()], config()).await;
    assert!(fetched.tree.is_whole());
    assert_eq!((fetched.present, fetched.fetched), (before.pages, 21 - before.pages));
    assert_eq!(BTreeSet::from_iter(honest.asked()), before.missing);
}

#[tokio::test]
async fn the_time_for_all_pages_ends_a_fetch() {
    let site = Site::new();
    let pages = Pages::over(3);
    let fake = FakeEndpoint::start(&pages, |n, _| if n == 0 { Act::Serve } else { Act::Stall }).await;
    let late = FetchConfig { fetch_timeout_ms: 2_000, ..config() };
    let fetched = fetch(&site, &pages, &[fake.url()], late).await;
    assert!(fetched.is_late && !fetched.tree.is_whole());
    assert_eq!(fetched.tree.missing.len(), 3, "the root came in time");
}

#[tokio::test]
async fn so_many_are_asked_for_at_a_time_and_no_more() {
    let site = Site::new();
    let pages = Pages::over(12);
    let (barrier, root) = (Arc::new(Barrier::new(4)), pages.root);
    // Each answer waits until four are asked for; a fifth request before that would be answered with the next four.
    let fake = FakeEndpoint::start(&pages, move |_, hash| {
        if hash == root { Act::Serve } else { Act::ServeTogether(Arc::clone(&barrier)) }
    })
    .await;
    let four = FetchConfig { at_once: 4, ..config() };
    assert!(fetch(&site, &pages, &[fake.url()], four).await.tree.is_whole());
    let three = FetchConfig { at_once: 3, fetch_timeout_ms: 2_000, ..config() };
    let fetched = fetch(&Site::new(), &pages, &[fake.url()], three).await;
    assert!(fetched.is_late, "three requests never become four");
    assert_eq!(fetched.fetched, 1);
}

#[tokio::test]
async fn a_damaged_page_of_the_folder_is_fetched_anew() {
    let site = Site::new();
    let pages = Pages::over(4);
    pages.keep(&site.folder());
    let damaged = pages.leaf(2);
    std::fs::write(site.path_of(&damaged), "lost power").unwrap();
    let fake = FakeEndpoint::always(&pages, Act::Serve).await;
    let fetched = fetch(&site, &pages, &[fake.url()], config()).await;
    assert!(fetched.tree.is_whole());
    assert_eq!(fake.asked(), [damaged]);
}

#[tokio::test]
async fn what_no_kernel_would_take_is_not_fetched_on() {
    let pages = Pages::deep(DEPTH_MAX + 3);
    let fake = FakeEndpoint::always(&pages, Act::Serve).await;
    let fetched = fetch(&Site::new(), &pages, &[fake.url()], config()).await;
    assert!(matches!(fetched.tree.refusal, Some(Refusal::Depth(_))));
    assert_eq!(fake.asked().len(), DEPTH_MAX + 1);
    let deepest = Pages::deep(DEPTH_MAX);
    let fake = FakeEndpoint::always(&deepest, Act::Serve).await;
    assert!(fetch(&Site::new(), &deepest, &[fake.url()], config()).await.tree.is_whole());
}
