"""What a run would take: hours, money, disk and memory."""
