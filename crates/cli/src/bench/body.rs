//! The notification that is published: a typical one of 1 KiB.

/// Bytes of a published notification, about.
const SIZE: usize = 1024;

/// A notification of a work order for a branch.
pub(super) fn notification(work_order_id: u64, branch_id: u64) -> String {
    let head = format!(
        "{{\"Header\":{{\"WorkOrderId\":{work_order_id},\"BranchId\":{branch_id},\"Sender\":{{\"Name\":\"Jon Snow\",\
         \"Phone\":\"+12025550141\",\"Type\":\"CorrigoPro\"}},\"Action\":\"Accepted\",\
         \"ActionDate\":\"2018-09-04T10:12:08.1671613Z\",\"ApiVersion\":\"1.1\"}},\"Status\":\"Accepted\",\"Comment\":\""
    );
    let text = "Technician is on the way with a replacement valve; ask for the manager at the loading dock. ";
    let filler: String = text.chars().cycle().take(SIZE.saturating_sub(head.len() + 2)).collect();
    format!("{head}{filler}\"}}")
}

/// Several of them as one array.
pub(super) fn array(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    format!("[{}]", items.join(","))
}
