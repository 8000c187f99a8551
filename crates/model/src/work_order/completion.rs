//! Whether a check out gave what its customer demands.

use serde::{Deserialize, Serialize};

/// What a customer demands of a completion. By default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demands {
    /// `RepairInfo` must be given.
    pub repair_info: bool,
    /// Ids of the custom fields that must be given.
    pub custom_fields: Vec<i64>,
}

/// Whether all details of the completion are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// All that is demanded.
    Full,
    /// Something is lacking, or nobody could be asked for it.
    Lacking,
}

impl Completion {
    /// Of a check out. `pmrm`: the order's `Type` is PMRM; a Request is never asked for details. `ivr`: it came by
    /// telephone, which cannot take details. `repair_info` and `custom_fields` (their ids) are what was given.
    pub fn of(pmrm: bool, ivr: bool, demands: &Demands, repair_info: bool, custom_fields: &[i64]) -> Self {
        let given = (repair_info || !demands.repair_info)
            && demands.custom_fields.iter().all(|id| custom_fields.contains(id));
        if ivr || (pmrm && !given) { Completion::Lacking } else { Completion::Full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pmrm_that_lacks_what_is_demanded_and_the_telephone_leave_something_lacking() {
        let demands = Demands { repair_info: true, custom_fields: vec![3, 5] };
        for pmrm in [false, true] {
            for repair_info in [false, true] {
                for fields in [&[][..], &[3], &[5, 4, 3]] {
                    let lacks = pmrm && !(repair_info && fields.len() == 3);
                    let expected = if lacks { Completion::Lacking } else { Completion::Full };
                    assert_eq!(Completion::of(pmrm, false, &demands, repair_info, fields), expected);
                    assert_eq!(
                        Completion::of(pmrm, true, &demands, repair_info, fields),
                        Completion::Lacking,
                        "by telephone"
                    );
                    let nothing = Demands::default();
                    assert_eq!(
                        Completion::of(pmrm, false, &nothing, repair_info, fields),
                        Completion::Full,
                        "nothing is demanded"
                    );
                }
            }
        }
    }
}
