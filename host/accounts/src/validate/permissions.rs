//! Permissions, and limits of users.

use portcullis_claims::{
    PermissionRules, SubjectRule, TimeRule, is_network, is_time_of_day, is_time_zone,
};

use super::Findings;

impl Findings {
    pub(super) fn permissions(&mut self, place: &str, rules: &PermissionRules) {
        self.side(place, "sub", &rules.subscribe);
        self.side(place, "pub", &rules.publish);
    }

    pub(super) fn side(&mut self, place: &str, side: &str, rule: &SubjectRule) {
        for (list, subjects) in [("allow", &rule.allow), ("deny", &rule.deny)] {
            for text in subjects {
                self.permission(&format!("{place}, {side} {list}"), text, side == "sub");
            }
        }
    }

    /// Checks a permission: a subject, and on the side of subscriptions perhaps a queue.
    fn permission(&mut self, place: &str, text: &str, may_have_queue: bool) {
        let mut parts = text.split(' ');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(subject), None, None) => self.subject(place, subject),
            (Some(subject), Some(queue), None) => {
                self.subject(place, subject);
                self.subject(&format!("{place}, queue"), queue);
                if !may_have_queue {
                    self.error(format!(
                        "{place}: `{text}` names a queue, which only permissions to subscribe can"
                    ));
                }
            }
            _ => self.error(format!("{place}: `{text}` has more than one space")),
        }
    }

    pub(super) fn user_limits(
        &mut self,
        sources: &[String],
        times: &[TimeRule],
        times_location: Option<&str>,
    ) {
        for network in sources.iter().filter(|network| !is_network(network)) {
            self.error(format!(
                "source network `{network}` is not in CIDR notation, such as `10.0.0.0/8`"
            ));
        }
        for (name, time) in times
            .iter()
            .flat_map(|range| [("start", &range.start), ("end", &range.end)])
        {
            if !is_time_of_day(time) {
                self.error(format!(
                    "{name} `{time}` of a time range is not a time of day, such as `08:00:00`"
                ));
            }
        }
        let zone = times_location.filter(|zone| !zone.is_empty());
        if let Some(zone) = zone.filter(|zone| !is_time_zone(zone)) {
            self.error(format!(
                "time zone `{zone}` is not in the time zone database, which has `Europe/Oslo`"
            ));
        }
    }
}
