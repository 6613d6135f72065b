//! Misbehaviours of policies, and the expected end of each.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{AuthorizationRequest, DenialClass};
use portcullis_engine::Limits;
use portcullis_test_policies::{guest, request, wat};

use super::wat::Source;
use crate::world::typed;

/// A misbehaviour.
pub(super) struct Case {
    pub(super) name: &'static str,
    module: fn(&Self) -> Vec<u8>,
    source: Source,
    pub(super) end: End,
}

/// The end of a case, with a part of its message.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The host rejects the policy.
    Refused(&'static str),
    /// The host denies the login.
    Denied(DenialClass, &'static str),
    /// The host accepts the verdict, because the policy did no harm.
    Stands,
}

use DenialClass::{
    InvalidOutput, InvalidPermit, PolicyComparisons, PolicyDeadline, PolicyMemory, PolicyOutput,
    PolicyTrapped,
};
use End::{Denied, Refused, Stands};

/// The deadline of cases that only the deadline ends.
pub(super) const HURRIED: Duration = Duration::from_millis(30);
/// The deadline of cases that end by themselves, also on a busy machine.
const AMPLE: Duration = Duration::from_secs(30);

impl Case {
    /// Creates a case from a guest of the guests' package.
    fn guest(name: &'static str, end: End) -> Self {
        Self {
            name,
            module: |case| guest(case.name),
            source: Source::HARMLESS,
            end,
        }
    }

    /// Creates a case from a module in the text format.
    fn made(name: &'static str, source: Source, end: End) -> Self {
        Self {
            module: |case| case.source.build(),
            source,
            ..Self::guest(name, end)
        }
    }

    fn deciding(name: &'static str, decide: &'static str, end: End) -> Self {
        let source = Source {
            decide,
            ..Source::HARMLESS
        };
        Self::made(name, source, end)
    }

    /// Creates a case in which the host passes the client's user and cannot allocate memory for it.
    fn allocating(name: &'static str, realloc: &'static str, end: End) -> Self {
        let source = Source {
            realloc,
            decide: "(call $user (i32.const 16)) unreachable",
            ..Source::HARMLESS
        };
        Self::made(name, source, end)
    }

    fn declaring(name: &'static str, fields: &'static str, end: End) -> Self {
        let source = Source {
            fields,
            ..Source::HARMLESS
        };
        Self::made(name, source, end)
    }

    pub(super) fn build(&self) -> Vec<u8> {
        (self.module)(self)
    }

    /// Returns the limits, with enough time for cases that end by themselves.
    pub(super) fn limits(&self) -> Limits {
        let deadline = match self.end {
            Denied(PolicyDeadline, _) => HURRIED,
            _ => AMPLE,
        };
        Limits {
            deadline,
            ..Limits::default()
        }
    }

    /// Returns the ordinary request. `swallows` gets one that is larger than its memory.
    pub(super) fn request(&self) -> Arc<AuthorizationRequest> {
        let mut request = request();
        if self.name == "swallows" {
            Arc::make_mut(&mut request).client.user = Some("x".repeat(32 << 20));
        }
        request
    }
}

/// Returns all cases.
pub(super) fn corpus() -> Vec<Case> {
    let mut cases = guests();
    cases.extend(resources());
    cases.extend(output());
    cases.extend(permits());
    cases.extend(calls());
    cases
}

fn guests() -> Vec<Case> {
    vec![
        Case::guest("spins", Denied(PolicyDeadline, "30ms")),
        Case::guest("buys_time", Denied(PolicyComparisons, "8 times")),
        Case::guest("guesses", Denied(PolicyComparisons, "8 times")),
        Case::guest("recurses", Denied(PolicyTrapped, "stack")),
        Case::guest("panics", Denied(PolicyTrapped, "on purpose")),
        Case::guest("allocates", Denied(PolicyMemory, "16777216")),
        Case::guest("swallows", Denied(PolicyMemory, "16777216")),
        Case::guest("floods_the_host", Denied(PolicyOutput, "1048576 bytes")),
        Case::guest("floods_the_permit", Denied(InvalidPermit, "4096")),
        Case::guest("permits_nonsense", Denied(InvalidPermit, "`a..b`")),
        Case::guest("tells_the_time", Denied(PolicyTrapped, "time")),
        Case::guest("floods_the_log", Stands),
        Case::guest("logs_by_the_megabyte", Stands),
        Case::guest("seeks_randomness", Stands),
        Case::guest("permits_nothing", Stands),
        Case::guest("panics_in_configure", Refused("no settings please")),
        Case::guest("spins_in_configure", Refused("deadline")),
    ]
}

/// Returns cases of memory, tables, and code that runs before the first decision.
fn resources() -> Vec<Case> {
    let declares_memory = Source {
        pages: 512,
        ..Source::HARMLESS
    };
    let grows_a_table = Source {
        fields: "(table $table 1 funcref)",
        decide: "(loop $again (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $again)) unreachable",
        ..Source::HARMLESS
    };
    vec![
        Case::made(
            "grows_a_table",
            grows_a_table,
            Denied(PolicyMemory, "more than its limit of 10000"),
        ),
        Case::made(
            "declares_memory",
            declares_memory,
            Refused("more than its limit of 16777216"),
        ),
        Case::declaring(
            "declares_a_table",
            "(table 15000 funcref)",
            Refused("more than its limit of 10000"),
        ),
        Case::declaring(
            "declares_a_huge_table",
            "(table 1000000 funcref)",
            Refused("raise `tables` under [limits]"),
        ),
        Case::declaring(
            "start_traps",
            "(func $start unreachable) (start $start)",
            Refused("unreachable"),
        ),
        Case::declaring(
            "start_loops",
            "(func $start (loop $l (br $l))) (start $start)",
            Refused("deadline"),
        ),
    ]
}

/// Returns cases of invalid texts and answers.
fn output() -> Vec<Case> {
    let long_line = Source {
        pages: 64,
        decide: "(call $info (i32.const 0) (i32.const 2097152)) unreachable",
        ..Source::HARMLESS
    };
    vec![
        Case::made(
            "logs_a_long_line",
            long_line,
            Denied(PolicyOutput, "1048576 bytes in one call"),
        ),
        Case::deciding(
            "logs_no_text",
            "(call $info (i32.const 136) (i32.const 2)) unreachable",
            Denied(InvalidOutput, "not a text"),
        ),
        Case::deciding(
            "logs_what_it_does_not_have",
            "(call $info (i32.const 2147483632) (i32.const 64)) unreachable",
            Denied(InvalidOutput, "out of bounds"),
        ),
        Case::deciding(
            "denies_without_a_text",
            "(i32.store8 (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 136))
             (i32.store (i32.const 8) (i32.const 2)) (i32.const 0)",
            Denied(InvalidOutput, "not a text"),
        ),
        Case::deciding(
            "answers_what_is_no_answer",
            "(i32.store8 (i32.const 0) (i32.const 7)) (i32.const 0)",
            Denied(InvalidOutput, "discriminant"),
        ),
        Case::deciding(
            "answers_from_nowhere",
            "(i32.const 2147483632)",
            Denied(InvalidOutput, "out of bounds"),
        ),
        Case::deciding(
            "answers_at_an_odd_place",
            "(i32.const 1)",
            Denied(InvalidOutput, "not aligned"),
        ),
    ]
}

/// Returns cases of permits that the policy does not hold, and of too many permits.
fn permits() -> Vec<Case> {
    // A list of empty texts, 8 bytes each.
    let million = Source {
        pages: 128,
        decide: "(call $publish (call $new (i32.const 128) (i32.const 3))
                   (i32.const 512) (i32.const 1000000) (i32.const 0) (i32.const 0)) unreachable",
        ..Source::HARMLESS
    };
    vec![
        Case::deciding(
            "uses_a_dropped_permit",
            "(local.set $permit (call $new (i32.const 128) (i32.const 3))) (call $drop (local.get $permit))
             (call $publish (local.get $permit) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) unreachable",
            Denied(InvalidOutput, "unknown handle"),
        ),
        Case::deciding(
            "drops_a_permit_twice",
            "(local.set $permit (call $new (i32.const 128) (i32.const 3))) (call $drop (local.get $permit))
             (call $drop (local.get $permit)) unreachable",
            Denied(InvalidOutput, "unknown handle"),
        ),
        Case::deciding(
            "returns_a_dropped_permit",
            "(local.set $permit (call $new (i32.const 128) (i32.const 3))) (call $drop (local.get $permit))
             (i32.store (i32.const 4) (local.get $permit)) (i32.const 0)",
            Denied(InvalidOutput, "unknown handle"),
        ),
        Case::deciding(
            "invents_a_permit",
            "(i32.store (i32.const 4) (i32.const 7)) (i32.const 0)",
            Denied(InvalidOutput, "unknown handle"),
        ),
        Case::deciding(
            "hoards_permits",
            "(loop $again (drop (call $new (i32.const 128) (i32.const 3))) (br $again)) unreachable",
            Denied(PolicyOutput, "64 permits"),
        ),
        Case::deciding(
            "permits_a_million_subjects",
            "(local.set $permit (call $new (i32.const 128) (i32.const 3)))
             (i32.store (i32.const 512) (i32.const 128)) (i32.store (i32.const 516) (i32.const 3))
             (loop $again
               (call $publish (local.get $permit) (i32.const 512) (i32.const 1) (i32.const 0) (i32.const 0))
               (local.set $count (i32.add (local.get $count) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $count) (i32.const 1000000))))
             (i32.store (i32.const 4) (local.get $permit)) (i32.const 0)",
            Denied(PolicyOutput, "8388608 bytes"),
        ),
        Case::made(
            "permits_a_million_subjects_in_one_call",
            million,
            Denied(PolicyOutput, "1048576 bytes in one call"),
        ),
        Case::deciding(
            "permits_a_million_subjects_that_it_does_not_have",
            million.decide,
            Denied(InvalidOutput, "out of bounds"),
        ),
        Case::deciding(
            "permits_more_subjects_than_there_are_addresses",
            "(call $publish (call $new (i32.const 128) (i32.const 3))
               (i32.const 512) (i32.const -1) (i32.const 512) (i32.const -1)) unreachable",
            Denied(InvalidOutput, "out of bounds"),
        ),
        Case::deciding(
            "permits_subjects_at_an_odd_place",
            "(call $publish (call $new (i32.const 128) (i32.const 3))
               (i32.const 513) (i32.const 1) (i32.const 0) (i32.const 0)) unreachable",
            Denied(InvalidOutput, "not aligned"),
        ),
        Case::deciding(
            "permits_what_is_no_text",
            "(i32.store (i32.const 512) (i32.const 136)) (i32.store (i32.const 516) (i32.const 2))
             (call $publish (call $new (i32.const 128) (i32.const 3))
               (i32.const 512) (i32.const 1) (i32.const 0) (i32.const 0)) unreachable",
            Denied(InvalidOutput, "not a text"),
        ),
    ]
}

/// Returns cases of code that runs when the host does not expect it.
fn calls() -> Vec<Case> {
    vec![
        Case::allocating(
            "realloc_traps",
            "unreachable",
            Denied(PolicyTrapped, "unreachable"),
        ),
        Case::allocating(
            "realloc_loops",
            "(loop $l (br $l))",
            Denied(PolicyDeadline, "30ms"),
        ),
        Case::allocating(
            "realloc_lies",
            "(return (i32.const 2147483632))",
            Denied(InvalidOutput, "beyond end of memory"),
        ),
        Case::allocating(
            "realloc_calls_the_host",
            "(call $info (i32.const 128) (i32.const 3))",
            Denied(PolicyTrapped, "cannot leave"),
        ),
        Case::declaring(
            "loops_after_its_answer",
            r#"(func (export "cabi_post_portcullis:policy/decider@0.1.1#decide") (param i32) (loop $l (br $l)))"#,
            Denied(PolicyDeadline, "30ms"),
        ),
        // If a policy could make the host call it again, the second call would run within a
        // decision.
        Case {
            module: |_| {
                typed(wat(
                    r#"(module (import "portcullis:policy/decider@0.1.1" "decide" (func (result i32))))"#,
                ))
            },
            ..Case::guest("imports_itself", Refused("portcullis:policy/decider"))
        },
        Case {
            module: |_| {
                wat(r#"(component (import "portcullis:policy/decider@0.1.1"
                         (instance (export "decide" (func (result string))))))"#)
            },
            ..Case::guest(
                "imports_itself_as_a_component",
                Refused("`portcullis:policy/decider@0.1.1`"),
            )
        },
    ]
}
