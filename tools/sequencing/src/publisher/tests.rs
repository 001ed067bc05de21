use super::*;

fn limits() -> Limits {
    Limits {
        lag_blocks_free: 10,
        lag_blocks_max: 20,
        stretch_percent_max: 1_100,
        resend_after_levels: 3,
        batch_blueprints_max: 4,
        retry_min_ms: 100,
        retry_max_ms: 1_000,
    }
}

fn number(number: u64) -> BlockNumber {
    BlockNumber::new(number)
}

fn level(level: u32) -> L1Level {
    L1Level::new(level)
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<BlockNumber> {
    range.map(number).collect()
}

fn at(ms: u64) -> Moment {
    Moment::from_ms(ms)
}

/// Blocks up to `latest` were built, none is confirmed, the layer 1 is at level 100.
fn publisher(latest: u64) -> Publisher {
    Publisher::new(limits(), number(0), number(latest), level(100))
}

fn hand_over(publisher: &mut Publisher, ms: u64) -> Vec<BlockNumber> {
    match publisher.decide(at(ms)) {
        Decision::HandOver(batch) => {
            publisher.handed(&batch);
            batch
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn blueprints_are_handed_over_in_order_one_batch_at_a_time() {
    let mut publisher = publisher(6);
    assert_eq!(publisher.decide(at(0)), Decision::HandOver(numbers(1..=4)));
    assert_eq!(publisher.decide(at(0)), Decision::Wait, "one batch is under way");
    publisher.handed(&numbers(1..=4));
    assert_eq!(publisher.stage(number(4)), Some(Stage::Handed(level(100))));
    assert_eq!(hand_over(&mut publisher, 0), numbers(5..=6));
    assert_eq!(publisher.decide(at(0)), Decision::Wait);
    publisher.signed_up_to(number(7));
    assert_eq!(hand_over(&mut publisher, 0), numbers(7..=7));
}

#[test]
fn a_failed_hand_over_is_tried_again_after_a_growing_pause() {
    let mut publisher = publisher(1);
    let mut now = 5_000;
    for pause_ms in [100, 200, 400, 800, 1_000, 1_000] {
        assert_eq!(publisher.decide(at(now)), Decision::HandOver(numbers(1..=1)));
        publisher.failed(at(now));
        assert_eq!(publisher.decide(at(now + pause_ms - 1)), Decision::WaitUntil(at(now + pause_ms)));
        now += pause_ms;
    }
    hand_over(&mut publisher, now);
    assert_eq!(publisher.decide(at(now)), Decision::Wait);
}

#[test]
fn without_progress_what_was_handed_over_long_ago_goes_again() {
    let mut publisher = publisher(4);
    hand_over(&mut publisher, 0);
    assert_eq!(publisher.level(level(102)), []);
    publisher.signed_up_to(number(6));
    hand_over(&mut publisher, 0);
    assert_eq!(publisher.level(level(103)), numbers(1..=4), "the others had no time yet");
    assert_eq!(hand_over(&mut publisher, 0), numbers(1..=4));
    assert_eq!(publisher.level(level(105)), []);
}

#[test]
fn progress_of_the_confirmed_head_puts_the_resending_off() {
    let mut publisher = publisher(4);
    hand_over(&mut publisher, 0);
    publisher.level(level(102));
    publisher.confirmed(number(1));
    assert_eq!(publisher.level(level(104)), []);
    assert_eq!(publisher.level(level(105)), numbers(2..=4));
}

#[test]
fn an_idle_time_is_not_a_time_without_progress() {
    let mut publisher = publisher(0);
    publisher.level(level(200));
    publisher.signed_up_to(number(1));
    hand_over(&mut publisher, 0);
    assert_eq!(publisher.level(level(202)), []);
    assert_eq!(publisher.level(level(203)), numbers(1..=1));
}

#[test]
fn a_reorganisation_hands_the_lost_ones_over_again() {
    let mut publisher = publisher(3);
    hand_over(&mut publisher, 0);
    publisher.confirmed(number(3));
    assert_eq!((publisher.lag_blocks(), publisher.stage(number(3))), (0, None));
    publisher.confirmed(number(1));
    assert_eq!(hand_over(&mut publisher, 0), numbers(2..=3));
}

#[test]
fn a_dropped_blueprint_goes_again() {
    let mut publisher = publisher(2);
    hand_over(&mut publisher, 0);
    publisher.dropped(number(2));
    publisher.dropped(number(9));
    assert_eq!(hand_over(&mut publisher, 0), numbers(2..=2));
}

#[test]
fn pressure_grows_from_the_first_bound_to_the_last() {
    let mut publisher = publisher(10);
    assert_eq!(publisher.pressure(), Pressure::Free);
    let mut before = 100;
    for latest in 11..20 {
        publisher.signed_up_to(number(latest));
        let Pressure::Slow { stretch_percent } = publisher.pressure() else { panic!("at {latest}") };
        assert!(stretch_percent > before && stretch_percent <= 1_100);
        before = stretch_percent;
    }
    publisher.signed_up_to(number(20));
    assert_eq!(publisher.pressure(), Pressure::Stop { lag_blocks: 20, lag_blocks_max: 20 });
    publisher.confirmed(number(15));
    assert_eq!(publisher.pressure(), Pressure::Free);
}

#[test]
fn a_start_with_a_rollup_node_that_is_ahead_does_not_wait_for_anything() {
    let mut publisher = Publisher::new(limits(), number(9), number(5), level(1));
    assert_eq!((publisher.lag_blocks(), publisher.decide(at(0))), (0, Decision::Wait));
}

#[test]
fn an_unwinding_forgets_what_was_signed_after_the_branch() {
    let mut publisher = publisher(6);
    assert_eq!(hand_over(&mut publisher, 0), numbers(1..=4));
    publisher.confirmed(number(2));
    // A hand-over is under way, and given up.
    assert!(matches!(publisher.decide(at(1)), Decision::HandOver(_)));
    publisher.unwound(number(3));
    assert_eq!((publisher.lag_blocks(), publisher.confirmed_head()), (1, number(2)));
    assert_eq!(publisher.decide(at(2)), Decision::Wait);
    publisher.signed_up_to(number(5));
    assert_eq!(hand_over(&mut publisher, 3), numbers(4..=5));
    publisher.unwound(number(1));
    assert_eq!((publisher.lag_blocks(), publisher.confirmed_head()), (0, number(1)));
}
