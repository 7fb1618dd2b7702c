-- Give a lease back; the messages keep waiting. ARGV: conversation, token. Twice is harmless.
if redis.call('GET', lease_key(ARGV[1])) == ARGV[2] then redis.call('DEL', lease_key(ARGV[1])) end
