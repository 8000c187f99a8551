//! What a store means, as tests: an engine is right when it passes all of these.
//!
//! An engine brings a [`Place`] (where a store can be opened, closed and opened again) and says
//! `conformance_suite!(place)` in a test module; that makes one test of each claim. Claims know nothing of the engine:
//! they see the [`Store`](crate::Store) trait through a [`Bench`]. A claim that is written but not listed below is dead
//! code, which the compiler reports.

pub(crate) mod acceptance;
pub(crate) mod ahead;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod by_hand;
pub(crate) mod completion;
pub(crate) mod configuration;
pub(crate) mod deletion;
pub(crate) mod due;
pub(crate) mod erase;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod lists;
pub(crate) mod log;
pub(crate) mod model;
pub(crate) mod people;
pub(crate) mod replay;
pub(crate) mod retention;
pub(crate) mod sequence;
pub(crate) mod targets;
pub(crate) mod telling;
pub(crate) mod told;
pub(crate) mod traffic;
pub(crate) mod work_orders;

pub(crate) use bench::{Bench, Place};

/// One `#[tokio::test]` per claim, on a fresh place each. `$place` is an expression that makes one.
macro_rules! conformance_suite {
    ($place:expr) => {
        #[test]
        fn any_life_agrees_with_the_model() {
            $crate::conformance::model::any_life_agrees_with_the_model(|| $place);
        }

        conformance_suite! { @modules $place;
            acceptance {
                a_notification_is_queued_for_the_endpoint_that_wants_it,
                what_is_to_be_sent_is_what_was_accepted,
                many_are_answered_one_by_one_in_order,
                no_notifications_are_no_answers,
                good_ones_are_not_lost_to_bad_ones,
                a_repeat_gets_the_first_answer_and_is_sent_once,
                a_repeat_within_one_call_is_a_repeat,
                a_repeat_of_a_suppressed_one_says_so,
                the_same_message_id_with_other_content_is_a_conflict,
                a_message_id_is_unique_within_a_company_only,
                delivery_ids_are_never_given_out_twice,
                what_exceeds_the_limit_is_dead_and_keeps_its_place,
                the_limit_counts_an_endpoint_over_all_its_lanes,
            }
            ahead {
                what_stands_behind_a_head_waits_for_it,
                nobody_waits_behind_a_head_whose_hold_is_over,
            }
            targets {
                an_unknown_branch_is_refused,
                a_branch_of_another_company_is_refused_like_an_unknown_one,
                the_company_may_be_named_beside_its_branch,
                branch_0_goes_to_the_company_that_is_named,
                what_a_client_of_the_company_did_is_suppressed,
                a_deleted_client_still_counts_for_the_echo_rule,
                a_client_of_nobody_or_of_another_company_is_unknown,
                what_no_endpoint_wants_is_kept_all_the_same,
                an_endpoint_gets_only_its_actions,
                an_endpoint_gets_only_its_branches_and_branch_0,
                an_endpoint_that_is_off_gets_nothing_new_and_keeps_what_waits,
                a_paused_endpoint_still_gets_deliveries,
                each_endpoint_of_the_company_has_its_own_delivery_and_sequence,
                a_deleted_branch_is_unknown_and_can_be_created_anew,
            }
            sequence {
                they_count_from_1_in_the_order_of_acceptance,
                each_work_order_counts_for_itself,
                they_go_on_after_a_restart_and_after_a_crash,
                they_go_on_after_the_lane_was_empty,
                the_top_one_leaving_before_an_earlier_one_does_not_free_its_number,
                the_top_one_arriving_before_an_earlier_one_does_not_free_its_number,
                a_dead_one_comes_back_to_its_place,
                a_dead_one_that_comes_back_alone_does_not_turn_the_counter_back,
                a_failed_attempt_keeps_the_place,
                the_counter_stays_for_the_whole_period_after_the_lane_was_emptied,
                the_counter_goes_after_the_period_and_starts_at_1_again,
                the_counter_stays_while_a_delivery_of_the_lane_is_kept,
                looking_for_due_lanes_does_not_let_a_counter_go_early,
            }
            completion {
                a_success_makes_it_delivered_and_frees_the_lane,
                a_failure_makes_it_wait_for_its_due_time,
                a_last_failure_makes_it_dead_with_its_reason,
                every_attempt_writes_one_log_record_in_its_commit,
                an_attempt_can_end_long_after_others_of_its_lane,
                a_success_before_the_due_time_makes_the_next_head_due,
                an_interrupted_attempt_keeps_its_number_and_does_not_count,
                a_failure_begun_before_a_change_counts_for_nothing_and_is_due_at_once,
                a_success_begun_before_a_change_stands,
                completions_are_told_in_the_order_they_were_handed_over,
                what_was_handed_over_before_a_close_is_written,
                a_closed_store_takes_nothing,
            }
            due {
                lanes_come_earliest_first,
                only_heads_that_are_due_come,
                at_most_as_many_lanes_come_as_were_asked_for,
                lanes_that_are_known_are_left_out_and_take_nobodys_place,
                as_many_as_asked_for_stand_behind_a_head,
                a_lane_is_read_on_from_any_place,
                nothing_is_due_of_an_endpoint_that_is_not_there,
                each_endpoint_that_waits_has_its_earliest_due_time,
                a_lane_whose_next_head_waits_does_not_hide_its_time,
                a_reopened_endpoint_has_everything_due_at_once,
                what_fails_again_after_a_reopening_waits_for_its_own_time,
                those_from_before_a_reopening_are_not_pushed_back_by_new_ones,
                an_adjustment_leaves_due_times_alone,
                what_is_due_further_ahead_than_any_wait_is_due_at_once,
                what_waits_behind_others_is_found_when_they_are_gone,
            }
            health {
                a_refused_head_holds_its_lane_for_the_hold_limit_and_then_the_next_is_tried,
                a_fresh_one_behind_a_head_whose_hold_is_over_is_due_at_once,
                a_fresh_one_behind_a_head_that_holds_learns_when_the_hold_ends,
                an_outage_holds_for_as_long_as_it_lasts_and_a_success_elsewhere_tells,
                a_success_of_one_that_was_discarded_meanwhile_tells_its_own_lane_too,
                a_hold_of_no_time_leaves_each_on_its_own_clock,
                a_change_of_the_request_and_a_retry_by_hand_start_a_hold_anew,
                so_many_failures_in_a_row_bring_an_endpoint_down_and_it_stays_so,
                probes_take_heads_in_order_and_in_turns_that_of_the_lane_that_accepted_last,
                a_probe_that_succeeds_reopens_and_all_is_due_at_once,
                one_whose_last_failure_was_its_own_keeps_its_due_time_at_a_reopening,
                one_bad_notification_never_brings_its_endpoint_down,
                a_retry_by_hand_of_a_head_is_a_probe_at_once_and_ends_a_throttle,
                a_hold_counts_open_time_only,
                an_age_stands_still_while_paused,
                a_410_pauses_when_that_is_set_and_nothing_but_resuming_ends_it,
                a_failed_probe_lets_die_what_is_too_old_and_nothing_else,
                what_is_known_of_an_endpoint_goes_with_it,
                another_hold_limit_counts_at_once_for_what_waits_and_makes_nothing_else_due,
                waits_of_an_endpoint_that_a_wrong_clock_has_written_are_over,
                a_hold_that_began_by_a_wrong_clock_begins_anew_with_the_next_failure,
            }
            by_hand {
                a_retry_makes_a_waiting_one_due_and_its_schedule_new,
                a_retry_of_a_pending_one_changes_little,
                a_retry_of_one_behind_the_head_does_not_pass_it,
                a_retry_brings_back_what_is_dead_or_discarded,
                what_is_delivered_can_be_neither_retried_nor_discarded,
                a_discard_takes_a_waiting_one_out_and_frees_the_lane,
                a_discard_of_a_dead_one_says_so,
                an_unknown_or_foreign_delivery_is_not_found,
                nothing_of_a_deleted_endpoint_can_be_retried,
                a_discard_in_flight_takes_effect_when_the_attempt_fails,
                a_success_wins_over_a_discard,
                a_success_wins_over_a_discard_that_did_not_know_of_the_attempt,
                a_retry_in_flight_takes_effect_when_the_attempt_fails,
                a_success_leaves_nothing_of_a_retry_in_flight,
                the_last_wish_counts,
                a_wish_survives_a_crash_and_is_settled,
                settling_without_a_wish_changes_nothing,
                one_that_is_refused_does_not_disturb_others_of_its_commit,
            }
            jobs {
                each_kind_acts_on_the_states_that_it_takes_also_with_an_attempt_in_flight,
                a_replay_and_an_erase_meet_each_state_also_with_an_attempt_in_flight,
                each_filter_takes_what_it_names,
                what_was_accepted_later_is_not_its_business,
                what_changed_meanwhile_is_skipped,
                a_dry_run_counts_and_changes_nothing,
                position_and_counts_survive_a_crash_and_a_step_is_carried_out_once,
                a_cancelled_job_does_nothing_more,
                jobs_are_listed_newest_first_and_seen_by_their_own_company_only,
                a_bounded_number_is_under_way,
                ended_jobs_go_with_retention,
                very_many_are_met_in_bounded_stretches_and_each_once,
            }
            erase {
                texts_go_and_ids_times_and_fates_stay,
                requests_about_several_orders_lose_their_texts_too,
                each_state_is_erased_and_only_what_waits_is_discarded,
                an_attempt_in_flight_at_an_erase_leaves_no_text,
                what_is_erased_cannot_be_sent_again_and_a_repeat_gets_the_first_answer,
            }
            replay {
                a_replay_stands_in_a_lane_of_its_own_per_work_order,
                a_replay_leaves_the_first_delivery_as_it_is_whatever_its_state,
                an_echo_is_never_sent_and_what_nobody_wanted_is,
                it_goes_to_the_endpoint_that_is_named_or_to_all_that_match_now,
                a_thousand_wait_at_most_and_take_no_place_of_live_ones,
                a_cancelled_replay_takes_out_what_waits_of_it_and_nothing_else,
                a_notification_stays_while_a_replay_of_it_waits,
                a_dead_replay_can_be_retried_and_discarded_by_hand,
            }
            deletion {
                an_endpoint_without_undelivered_ones_just_goes,
                an_endpoint_with_undelivered_ones_is_refused_with_their_number,
                what_waits_of_a_deleted_endpoint_is_discarded,
                an_attempt_in_flight_at_a_deleted_endpoint_is_logged,
                an_endpoint_id_is_never_used_again,
                very_many_are_discarded_in_steps_and_all_in_the_end,
                discarding_goes_on_after_a_crash,
                a_branch_with_undelivered_ones_is_refused_with_their_number,
                what_waits_of_a_deleted_branch_is_discarded_and_nothing_else,
                very_many_of_a_branch_are_discarded_but_not_those_of_its_successor,
                a_company_with_undelivered_ones_is_refused_with_their_number,
                a_deleted_company_takes_all_with_it,
                a_company_id_is_never_used_again,
            }
            configuration {
                a_company_is_created_renamed_and_found,
                companies_are_listed_by_id_page_by_page,
                a_branch_is_created_renamed_and_deleted,
                a_branch_id_is_unique_over_all_companies,
                a_branch_of_another_company_cannot_be_touched,
                a_client_is_created_rotated_and_deleted,
                a_client_that_is_not_there_cannot_be_changed,
                an_endpoint_keeps_all_that_was_set,
                the_generation_grows_with_each_reopening_and_is_the_stores_own,
                a_company_has_at_most_as_many_endpoints_as_allowed,
                nothing_can_be_made_for_a_company_that_is_not_there,
                own_actions_are_put_replaced_and_deleted,
                signing_keys_are_put_replaced_and_removed_in_one_commit,
                the_check_value_is_the_one_that_was_written_first,
            }
            people {
                a_person_is_created_changed_and_deleted,
                an_email_is_unique_within_a_company_only,
                a_person_of_another_company_cannot_be_touched,
                a_link_sets_the_password_once_and_ends_all_sessions,
                a_new_link_takes_the_place_of_the_one_before,
                a_session_ends_by_itself_by_hand_and_with_its_person,
                a_session_has_the_role_of_the_moment,
                one_person_has_a_bounded_number_of_sessions,
                five_tries_lock_a_name_at_an_address_for_fifteen_minutes,
                tries_that_are_far_apart_do_not_lock,
                people_and_sessions_go_with_their_company,
            }
            telling {
                an_acceptance_is_told_before_it_is_answered,
                the_first_of_a_lane_is_told_as_such,
                what_creates_no_delivery_is_not_told,
                what_overflows_is_not_told_as_waiting,
                changes_of_endpoints_are_told_when_the_directory_has_them,
                a_change_that_fails_is_not_told,
                a_lane_changed_by_hand_is_told_before_the_answer,
                an_outcome_that_is_another_than_the_attempts_has_its_lane_read_again,
                a_store_that_works_tells_of_no_trouble,
            }
            lists {
                each_filter_of_notifications_takes_what_it_names_newest_first,
                each_filter_of_deliveries_takes_what_it_names_newest_first,
                deliveries_are_found_by_state_and_error,
                pages_of_notifications_have_no_gap_and_no_double_while_new_ones_arrive,
                pages_of_deliveries_have_no_gap_and_no_double_while_they_change,
                a_page_that_ends_with_the_last_row_has_no_next,
                a_cursor_that_was_not_given_out_is_refused,
                a_notification_is_read_back_byte_for_byte,
                a_notification_is_found_by_its_own_company_only,
                times_keep_their_seven_digits,
            }
            log {
                each_filter_takes_what_it_names_newest_first,
                the_log_of_a_company_is_that_of_all_its_endpoints,
                a_message_id_of_two_companies_names_the_records_of_both,
                a_record_has_both_sides_of_the_attempt,
                an_emulated_notification_is_in_the_log_and_nowhere_else,
                attempts_come_oldest_first_and_of_this_delivery_only,
                a_record_that_is_not_there_is_none,
                pages_have_no_gap_and_no_double_while_new_records_arrive,
                a_filter_finds_all_there_is_whatever_lies_between,
                a_record_outlives_its_notification_for_its_own_period,
                a_record_has_number_and_customer_of_its_work_order,
            }
            traffic {
                each_attempt_is_counted_once_however_much_is_rolled_up,
                steps_have_what_began_in_them,
                an_endpoint_sees_its_own_traffic_only,
                the_backlog_is_what_waits_since_when_and_how_it_failed,
                failures_in_a_row_are_known_when_the_log_has_lost_them,
                traffic_goes_with_the_log,
                what_waited_is_known_for_the_end_of_every_minute,
                what_waited_goes_with_the_log,
                states_are_counted_by_company,
            }
            work_orders {
                a_created_order_is_there_with_its_notification_and_survives,
                an_act_changes_the_order_and_tells_of_it_in_one_commit,
                what_is_not_allowed_changes_nothing,
                of_two_acts_at_once_one_wins_and_the_other_sees_the_new_state,
                acts_of_one_batch_see_each_other,
                a_repeat_gets_the_first_answer_whatever_happened_since,
                an_id_is_taken_once_over_all_companies_and_made_ones_are_free,
                another_companys_order_is_not_there,
                what_a_client_of_the_company_does_is_suppressed_and_stands_in_the_time_line,
                a_check_out_is_judged_by_what_the_customer_demands,
                each_filter_of_orders_takes_what_it_names_newest_first,
                messages_are_found_in_the_time_line_by_their_action,
                an_order_that_grows_too_large_is_refused_and_stays,
                orders_go_with_their_company_and_branch,
                a_request_of_the_direct_api_is_logged_as_inbound,
            }
            feed {
                what_a_pull_endpoint_gets_is_delivered_at_once_and_waits_for_nobody,
                a_feed_is_in_the_order_of_acceptance_and_counts_each_work_order,
                a_feed_has_the_exact_bytes,
                a_feed_goes_on_after_any_cursor_page_by_page,
                reading_moves_nothing,
                an_empty_feed_has_a_cursor_to_go_on_from,
                filters_and_the_echo_rule_hold_for_a_feed,
                a_feed_has_only_what_is_its_own,
                feeds_cursors_and_sequences_survive_a_restart_and_a_crash,
                what_is_fed_never_counts_as_waiting,
                what_is_fed_can_be_neither_retried_nor_discarded,
                a_cursor_expires_with_its_notification,
                a_feed_that_was_swept_empty_goes_on_without_a_gap,
                what_waits_at_another_endpoint_stays_in_the_feed,
                a_cursor_that_was_never_in_this_feed_has_expired,
                a_large_page_ends_early_and_says_where_to_go_on,
                a_bell_rings_after_the_commit_and_only_for_its_own_feed,
                a_pull_endpoint_is_deleted_without_ado,
                what_is_erased_is_left_out_and_its_place_still_holds,
            }
            alerts {
                a_delivery_that_dies_is_one_alert_and_more_of_them_count_in_it,
                what_somebody_discards_is_no_alert_and_an_overflow_is_one,
                a_death_long_after_the_last_one_is_news_again,
                an_alert_lasts_until_it_is_ended_and_is_raised_once_meanwhile,
                an_alert_is_to_be_told_until_somebody_knows_or_it_is_given_up,
                alerts_that_are_over_go_with_the_log_and_those_that_last_stay,
                an_endpoint_that_goes_down_and_comes_back_is_one_alert_each,
            }
            audit {
                a_record_says_who_when_from_where_and_what_before_and_after,
                each_kind_of_change_has_exactly_one_record,
                no_record_holds_a_secret,
                what_is_refused_or_changes_nothing_has_no_record,
                only_what_differs_is_told,
                who_uses_a_link_or_opens_a_session_is_who_did_it,
                a_retry_or_discard_by_hand_has_a_record_and_a_step_of_a_job_has_none,
                each_filter_of_the_audit_takes_what_it_names,
                pages_of_the_audit_have_no_gap_and_no_double_while_changes_go_on,
                the_audit_goes_after_its_own_period_or_that_of_the_log,
            }
            retention {
                a_notification_goes_when_its_last_fate_is_old_enough,
                what_created_no_delivery_counts_from_its_acceptance,
                an_undelivered_one_is_never_removed,
                one_that_waits_at_one_endpoint_stays_for_all,
                a_late_change_by_hand_counts_as_its_fate,
                log_records_go_by_their_own_period,
                a_message_id_is_new_again_when_its_notification_is_gone,
                numbers_go_on_after_everything_was_swept_and_the_store_reopened,
                one_step_is_bounded_and_says_that_there_is_more,
                old_undelivered_ones_do_not_hide_what_stands_behind_them,
                the_next_time_is_when_the_oldest_record_expires,
                the_next_time_is_never_in_the_past,
                the_oldest_go_early_when_the_store_is_too_large_but_never_what_waits,
            }
        }
    };
    (@modules $place:expr; $($module:ident { $($claim:ident,)* })*) => {
        $(mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $claim() {
                    let place = $place;
                    $crate::conformance::$module::$claim($crate::conformance::Bench::open(place).await).await;
                }
            )*
        })*
    };
}

pub(crate) use conformance_suite;
