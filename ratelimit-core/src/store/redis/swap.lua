-- Writes the records of the entries KEYS, if all of them are still as they were read; tells whether it did.
--
-- ARGV   for each entry the record that was read (empty = there was none), the one to be written (empty = it stays as
--        it is) and until when that is to be kept, in the server's milliseconds: so it ends when the record says so,
--        even where the clock is put back meanwhile. No record is empty.
for index = 1, #KEYS do
  local known = redis.call('GET', KEYS[index]) or ''
  if known ~= ARGV[3 * index - 2] then return 0 end
end
for index = 1, #KEYS do
  local record = ARGV[3 * index - 1]
  if record ~= '' then redis.call('SET', KEYS[index], record, 'PXAT', ARGV[3 * index]) end
end
return 1
