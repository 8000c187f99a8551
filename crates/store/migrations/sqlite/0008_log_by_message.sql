-- Records of what is in no queue: their MessageId stands in the detail. Attempts are found by their notification.
CREATE INDEX log_by_message ON log (json_extract(detail, '$.MessageId'), log_no) WHERE delivery_no IS NULL;
