//! Responses with times of day.

use serde_json::{Value, json};

use super::Case;
use super::config_mode::case;
use super::draft::{Draft, Facts};

const HOUR: u64 = 3600;

/// Sets times in a zone.
fn set_times(draft: &mut Draft<'_>, times: Value, zone: &str) {
    draft.user_nats("times", times);
    draft.user_nats("times_location", json!(zone));
}

/// Returns the time of day in UTC, `seconds` from now.
fn clock(facts: &Facts, seconds: i64) -> String {
    let now = facts.now.checked_add_signed(seconds).unwrap() % (24 * HOUR);
    format!("{:02}:{:02}:{:02}", now / HOUR, now / 60 % 60, now % 60)
}

fn range(facts: &Facts, start: i64, end: i64) -> Value {
    json!({ "start": clock(facts, start), "end": clock(facts, end) })
}

/// Returns a zone in which it is less than an hour after midnight.
fn zone_past_midnight(facts: &Facts) -> String {
    match facts.now / HOUR % 24 {
        // The signs of these zone names are reversed.
        hour @ 0..=12 => format!("Etc/GMT+{hour}"),
        hour => format!("Etc/GMT-{}", 24 - hour),
    }
}

/// Returns a zone in which it is less than an hour before midnight.
fn zone_before_midnight(facts: &Facts) -> String {
    match (facts.now / HOUR + 1) % 24 {
        hour @ 0..=12 => format!("Etc/GMT+{hour}"),
        hour => format!("Etc/GMT-{}", 24 - hour),
    }
}

pub(super) fn times() -> Vec<Case> {
    vec![
        case!("times: now", |draft, _, facts| {
            set_times(draft, json!([range(facts, -1800, 1800)]), "UTC");
        }),
        case!("times: now, and expires sooner", |draft, _, facts| {
            set_times(draft, json!([range(facts, -1800, 1800)]), "UTC");
            draft.user["exp"] = json!(facts.now + 600);
        }),
        case!("times: now, and expires later", |draft, _, facts| {
            set_times(draft, json!([range(facts, -1800, 1800)]), "UTC");
            draft.user["exp"] = json!(facts.now + 2 * HOUR);
        }),
        case!("times: later", |draft, _, facts| {
            set_times(draft, json!([range(facts, 3600, 7200)]), "UTC");
        }),
        case!("times: any but now", |draft, _, facts| {
            set_times(draft, json!([range(facts, 1800, -1800)]), "UTC");
        }),
        case!("times: the second of two", |draft, _, facts| {
            let ranges = json!([range(facts, 3600, 7200), range(facts, -600, 600)]);
            set_times(draft, ranges, "UTC");
        }),
        case!("times: the longer of two", |draft, _, _| {
            let ranges = json!([
                { "start": "00:00:00", "end": "10:00:00" },
                { "start": "00:00:00", "end": "20:00:00" },
            ]);
            set_times(draft, ranges, "Etc/GMT+0");
        }),
        case!("times: a night, past midnight", |draft, _, facts| {
            let night = json!([{ "start": "22:00:00", "end": "06:00:00" }]);
            set_times(draft, night, &zone_past_midnight(facts));
        }),
        case!("times: a night, before midnight", |draft, _, facts| {
            let night = json!([{ "start": "22:00:00", "end": "06:00:00" }]);
            set_times(draft, night, &zone_before_midnight(facts));
        }),
        case!("times: with one digit and a fraction", |draft, _, _| {
            let day = json!([{ "start": "0:00:00", "end": "23:59:59.9" }]);
            set_times(draft, day, "UTC");
        }),
        case!("times: a zone with daylight saving", |draft, _, _| {
            let day = json!([{ "start": "00:00:00", "end": "23:59:59" }]);
            set_times(draft, day, "America/New_York");
        }),
        case!("times: minutes only", |draft, _, _| {
            set_times(draft, json!([{ "start": "08:00", "end": "09:00" }]), "UTC");
        }),
        case!("times: no such hour", |draft, _, _| {
            set_times(
                draft,
                json!([{ "start": "08:00:00", "end": "24:00:00" }]),
                "UTC",
            );
        }),
        case!("times: no end", |draft, _, _| {
            set_times(draft, json!([{ "start": "08:00:00" }]), "UTC");
        }),
        case!("times: no such zone", |draft, _, _| {
            let day = json!([{ "start": "00:00:00", "end": "23:59:59" }]);
            set_times(draft, day, "Mars/Olympus");
        }),
        case!("times: no such zone, no ranges", |draft, _, _| {
            set_times(draft, Value::Null, "../UTC");
        }),
        case!("times: none", |draft, _, _| set_times(
            draft,
            json!([]),
            "Europe/Berlin"
        )),
    ]
}
