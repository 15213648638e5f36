-- Drives the plug-in in a real Neovim: tests/editors/run.sh neovim
--
-- The current folder is a project with the migrations of tests/editors/migrations, and `dblsp` is on the PATH.
local plugin = assert(vim.env.PLUGIN, "PLUGIN is the plug-in's folder")
local project = vim.uv.cwd()
local bookmarks = project .. "/supabase/migrations/20251028090000_v0_8_1_bookmarks.sql"
local notes = project .. "/supabase/migrations/20251028100000_v0_8_1_bookmark_notes.sql"
local rollback = project .. "/supabase/rollback/20251028090000_rollback.sql"

local failed = 0

local function check(what, passed, got)
  io.stdout:write(("%s  %s%s\n"):format(passed and "ok  " or "FAIL", what, passed and "" or "; got " .. vim.inspect(got)))
  failed = failed + (passed and 0 or 1)
end

--- Waits until `probe` gives something other than nil and false.
local function eventually(what, probe)
  local value
  vim.wait(20000, function()
    value = probe()
    return value
  end, 20)
  check(what, value and true or false, value)
  return value
end

local function lines(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer or 0, 0, -1, false), "\n")
end

local function read(path)
  local file = io.open(path)
  return file and file:read("a")
end

--- Texts of the floating windows.
local function floats()
  local texts = {}
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      table.insert(texts, lines(vim.api.nvim_win_get_buf(window)))
    end
  end
  return table.concat(texts, "\n")
end

local function close_floats()
  vim.cmd("fclose!")
end

--- Puts the cursor on the first place where `text` stands in the buffer.
local function cursor_on(text)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    local column = line:find(text, 1, true)
    if column then
      vim.api.nvim_win_set_cursor(0, { number, column - 1 })
      return
    end
  end
  error(text .. " is not in the buffer")
end

local function diagnostic(rule, buffer)
  for _, found in ipairs(vim.diagnostic.get(buffer or 0)) do
    if found.code == rule then
      return found
    end
  end
end

local function lens(text)
  for _, found in ipairs(vim.lsp.codelens.get(0)) do
    if found.command and found.command.title:lower():find(text, 1, true) then
      return found
    end
  end
end

--- Whether some text of the buffer is drawn with the highlight group.
local function is_drawn(group)
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, -1, 0, -1, { details = true })) do
    if mark[4].hl_group == group then
      return true
    end
  end
end

local messages = {}
vim.notify = function(message)
  table.insert(messages, message)
end
local show_message = vim.lsp.handlers["window/showMessage"]
vim.lsp.handlers["window/showMessage"] = function(err, result, context)
  table.insert(messages, result.message)
  return show_message(err, result, context)
end
local function message(text)
  return vim.iter(messages):find(function(found)
    return found:lower():find(text, 1, true)
  end)
end

local function an_old_neovim_is_told_so()
  local has = vim.fn.has
  vim.fn.has = function()
    return 0
  end
  vim.cmd.runtime("plugin/dblsp.lua")
  vim.fn.has = has
  check("an old Neovim is told what it needs", message("needs neovim 0.11"), messages)
  check("an old Neovim gets no command", vim.fn.exists(":Dblsp") == 0)
  vim.g.loaded_dblsp = nil
end

local function the_server_starts()
  vim.cmd.runtime("plugin/dblsp.lua")
  vim.cmd("filetype on")
  vim.cmd.edit(bookmarks)
  local client = eventually("the server starts", function()
    local client = vim.lsp.get_clients({ bufnr = 0, name = "dblsp" })[1]
    return client and client.initialized and client
  end)
  check("its root is the project", client.root_dir == project, client.root_dir)
end

local function findings_are_underlined()
  eventually("a finding arrives", function()
    return diagnostic("create-index-non-concurrent")
  end)
  check("it is underlined", is_drawn("DiagnosticUnderlineWarn"), vim.diagnostic.get(0))
end

local function hover_shows_the_object()
  cursor_on("contents (title)")
  vim.lsp.buf.hover()
  eventually("hover shows the table", function()
    return floats():find("contents", 1, true)
  end)
  close_floats()
end

local function a_fix_is_applied()
  cursor_on("create index contents_title_idx")
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action)
      return action.title:lower():find("concurrently", 1, true) ~= nil and action.edit ~= nil
    end,
  })
  eventually("a fix is applied", function()
    return lines():find("create index concurrently contents_title_idx", 1, true)
  end)
  eventually("its finding goes", function()
    return not diagnostic("create-index-non-concurrent")
  end)
end

local function a_lens_follows_the_rollback()
  eventually("a lens says that there is no rollback", function()
    return lens("no rollback")
  end)
  check("a finding does, too", diagnostic("rollback-missing"))
  vim.cmd.write()
  vim.cmd("Dblsp create-rollback")
  eventually("the rollback is written and shown", function()
    return read(rollback) and vim.api.nvim_buf_get_name(0) == rollback
  end)
  vim.cmd.edit(bookmarks)
  eventually("the finding goes", function()
    return not diagnostic("rollback-missing")
  end)
  eventually("the lens opens it from now on", function()
    return lens("open the rollback")
  end)
end

local function rules_are_explained()
  check(
    "subcommands are completed",
    vim.deep_equal(vim.fn.getcompletion("Dblsp exp", "cmdline"), { "explain" }),
    vim.fn.getcompletion("Dblsp exp", "cmdline")
  )
  vim.cmd.edit(notes)
  eventually("the next migration has its finding", function()
    return diagnostic("drop-column")
  end)
  check(
    "rules are completed",
    vim.deep_equal(vim.fn.getcompletion("Dblsp explain drop", "cmdline"), { "drop-column" }),
    vim.fn.getcompletion("Dblsp explain drop", "cmdline")
  )
  cursor_on("drop column")
  vim.cmd("Dblsp explain")
  eventually("the rule under the cursor is explained", function()
    return floats():find("destroys its values", 1, true)
  end)
  close_floats()
end

local function rename_reaches_the_other_file()
  cursor_on("note is")
  vim.lsp.buf.rename("remark")
  eventually("the column is renamed where it is used", function()
    return lines():find("b.remark <> ''", 1, true) and not lines():find("b.note", 1, true)
  end)
  vim.cmd.wall()
  check("and where it was made", read(bookmarks):find("remark text not null", 1, true), read(bookmarks))
end

local function a_migration_is_written()
  vim.cmd("Dblsp new share bookmarks")
  eventually("a new migration is written and shown", function()
    local name = vim.api.nvim_buf_get_name(0)
    return name:find("share_bookmarks", 1, true) and vim.uv.fs_stat(name)
  end)
end

local function migrations_are_listed()
  vim.cmd("Dblsp migrations")
  local items
  eventually("migrations are listed", function()
    items = vim.fn.getqflist()
    return #items >= 5
  end)
  check("a prepared migration is said to be on hold", vim.iter(items):any(function(item)
    return item.text:find("collaboration, on hold", 1, true)
  end), items)
  vim.cmd.cclose()
end

local function settings_count_while_they_are_typed()
  local toml = project .. "/other.toml"
  vim.fn.writefile({ "a = 1" }, toml)
  vim.cmd.edit(toml)
  check("other TOML is left alone", #vim.lsp.get_clients({ bufnr = 0, name = "dblsp" }) == 0)
  vim.cmd.bdelete({ bang = true })
  vim.cmd.edit(project .. "/dblsp.toml")
  local settings = vim.api.nvim_get_current_buf()
  eventually("the settings are the server's, too", function()
    return #vim.lsp.get_clients({ bufnr = settings, name = "dblsp" }) == 1
  end)
  vim.api.nvim_buf_set_lines(settings, -1, -1, false, { "[rules]", 'drop-colum = "off"' })
  eventually("a key that nobody knows is underlined, unsaved", function()
    return #vim.diagnostic.get(settings) > 0
  end)
  vim.cmd.edit({ bang = true })
  vim.cmd.edit(notes)
end

local function a_project_is_trusted()
  local trust = require("dblsp.trust")
  check("a project is not trusted unasked", not trust.has(project))
  trust.set(project, true)
  check("trust is remembered", trust.has(project))
  trust.set(project .. "/other", true)
  trust.set(project, false)
  check("trust is taken back, of one project", not trust.has(project) and trust.has(project .. "/other"))
end

local function a_database_is_asked_for()
  vim.cmd.edit(bookmarks)
  vim.cmd("Dblsp status")
  eventually("without a database there is a clear answer", function()
    return message("database")
  end)
  vim.cmd("Dblsp statsu")
  eventually("an unknown subcommand is refused", function()
    return message("no subcommand `statsu`")
  end)
end

--- What the database answers.
local function sql(query)
  local done = vim.system({ vim.env.PSQL, "-X", "-A", "-t", "-q", vim.env.DATABASE_URL, "-c", query }):wait()
  return vim.trim(done.stdout .. done.stderr)
end

--- Runs a code action about the database, and gives the question that was asked for it.
local function run_action(title, answer)
  local asked
  vim.ui.select = function(items, options, done)
    asked = options.prompt
    done(vim.iter(items):find(function(item)
      return item.title == answer
    end))
  end
  vim.lsp.buf.code_action({
    context = { only = { "source" }, diagnostics = {} },
    apply = true,
    filter = function(action)
      return action.title == title
    end,
  })
  eventually(title .. ": it asks", function()
    return asked
  end)
  return asked or ""
end

local function a_migration_is_applied_and_rolled_back()
  if not vim.env.DATABASE_URL then
    io.stdout:write("SKIPPED  nothing is applied: there is no database\n")
    return
  end
  local there = "select to_regclass('public.bookmarks') is not null"
  require("dblsp.trust").set(project, true)
  vim.cmd.edit(bookmarks)
  vim.cmd.wall()
  local before = vim.lsp.get_clients({ name = "dblsp" })[1].id
  vim.cmd("Dblsp restart")
  eventually("the trusted project's server starts", function()
    local client = vim.lsp.get_clients({ name = "dblsp", bufnr = 0 })[1]
    return client and client.id ~= before and client.initialized
  end)
  local asked = run_action("Apply this migration", "Cancel")
  check("the question names the file", asked:find("20251028090000_v0_8_1_bookmarks.sql", 1, true), asked)
  check("and the database", asked:find("staging (postgres@", 1, true) and asked:find("/neovim)", 1, true), asked)
  eventually("who says no is told that nothing was done", function()
    return message("nothing was done")
  end)
  check("and nothing was", sql(there) == "f", sql(there))
  run_action("Apply this migration", "Apply")
  eventually("the editor says that it is applied", function()
    return message("applied 20251028090000_v0_8_1_bookmarks.sql on staging")
  end)
  check("it is in the database", sql(there) == "t", sql(there))
  eventually("a lens says where it is applied", function()
    return lens("applied on staging")
  end)
  asked = run_action("Roll this migration back", "Roll back")
  check("rolling back asks, with the database's name", asked:find("staging (postgres@", 1, true), asked)
  eventually("the editor says that it is rolled back", function()
    return message("rolled 20251028090000_v0_8_1_bookmarks.sql back on staging")
  end)
  check("it is not in the database", sql(there) == "f", sql(there))
  eventually("the lens goes", function()
    return not lens("applied on")
  end)
  check("no error was told", not vim.iter(messages):find(function(found)
    return found:find("error", 1, true)
  end), messages)
  require("dblsp.trust").set(project, false)
end

local function health_is_shown()
  vim.cmd.checkhealth("dblsp")
  local report = lines()
  check("health: no errors", not report:find("ERROR", 1, true), report)
  check("health: the server's version", report:match("dblsp %d+%.%d+%.%d+ at /"), report)
  check("health: the project", report:find("in " .. project, 1, true), report)
  check("health: its settings", report:find(project .. "/dblsp.toml", 1, true), report)
  vim.cmd.bdelete()
end

local function the_server_restarts()
  local before = vim.lsp.get_clients({ name = "dblsp" })[1].id
  vim.cmd("Dblsp restart")
  eventually("the server restarts", function()
    local client = vim.lsp.get_clients({ name = "dblsp", bufnr = 0 })[1]
    return client and client.id ~= before and client.initialized
  end)
end

local function help_is_there()
  vim.cmd.helptags(plugin .. "/doc")
  vim.cmd.help("dblsp")
  check("help is there", vim.api.nvim_buf_get_name(0) == plugin .. "/doc/dblsp.txt", vim.api.nvim_buf_get_name(0))
  for _, name in ipairs(vim.fn.getcompletion("Dblsp ", "cmdline")) do
    check("help knows :Dblsp " .. name, lines():find(":Dblsp " .. name, 1, true))
  end
end

vim.opt.runtimepath:append(plugin)
vim.opt.swapfile = false
local passed, err = xpcall(function()
  an_old_neovim_is_told_so()
  the_server_starts()
  findings_are_underlined()
  hover_shows_the_object()
  a_fix_is_applied()
  a_lens_follows_the_rollback()
  rules_are_explained()
  rename_reaches_the_other_file()
  a_migration_is_written()
  migrations_are_listed()
  settings_count_while_they_are_typed()
  a_project_is_trusted()
  a_database_is_asked_for()
  health_is_shown()
  the_server_restarts()
  help_is_there()
  a_migration_is_applied_and_rolled_back()
end, debug.traceback)
check("nothing went wrong", passed, err)
io.stdout:write(failed == 0 and "Neovim: passed\n" or ("Neovim: %d failed\n"):format(failed))
vim.iter(vim.lsp.get_clients()):each(function(client)
  client:stop(true)
end)
os.exit(failed == 0 and 0 or 1)
