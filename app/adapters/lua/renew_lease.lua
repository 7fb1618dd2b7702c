-- Keep a lease. ARGV: conversation, token, ms. Returns 1, or 0 when it is not ours any more.
if redis.call('GET', lease_key(ARGV[1])) ~= ARGV[2] then return 0 end
return redis.call('PEXPIRE', lease_key(ARGV[1]), ARGV[3])
