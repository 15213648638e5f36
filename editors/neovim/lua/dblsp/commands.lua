--- `:Dblsp SUBCOMMAND …`: each asks the server; none knows anything itself.
local client = require("dblsp.client")
local trust = require("dblsp.trust")

local M = {}

--- The current file; nil for a buffer without a name.
local function uri()
  return vim.api.nvim_buf_get_name(0) ~= "" and vim.uri_from_bufnr(0) or nil
end

--- A command of the server that works on a database; an argument names the environment.
local function on_database(command)
  return {
    run = function(arguments)
      client.execute(command, { uri(), arguments[1] })
    end,
  }
end

--- Lets the server work on databases for the current project, or no longer, from its next start on.
local function set_trust(trusted)
  return {
    run = function()
      local running = client.require()
      if running and running.root_dir then
        trust.set(running.root_dir, trusted)
        client.restart()
      elseif running then
        client.say("dblsp runs for no project here: there is nothing to trust", vim.log.levels.WARN)
      end
    end,
  }
end

--- A command of the server that is about the current file.
local function about_file(command)
  return {
    run = function()
      client.execute(command, { uri() })
    end,
  }
end

local function show_markdown(text)
  local lines = vim.split(text, "\n")
  vim.lsp.util.open_floating_preview(lines, "markdown", { focus_id = "dblsp", border = "rounded", max_width = 100 })
end

--- Names of the rules that the open files break, for completion.
local function rules()
  local names = {}
  for _, diagnostic in ipairs(vim.diagnostic.get()) do
    if diagnostic.source == "dblsp" and diagnostic.code then
      names[diagnostic.code] = true
    end
  end
  return vim.tbl_keys(names)
end

local function rule_under_cursor()
  local line, column = unpack(vim.api.nvim_win_get_cursor(0))
  local on_line
  for _, diagnostic in ipairs(vim.diagnostic.get(0, { lnum = line - 1 })) do
    if diagnostic.source == "dblsp" then
      if diagnostic.col <= column and column < diagnostic.end_col then
        return diagnostic.code
      end
      on_line = on_line or diagnostic.code
    end
  end
  return on_line
end

local function explain(arguments)
  local rule = arguments[1] or rule_under_cursor()
  if rule then
    client.execute("dblsp.explain", { rule }, show_markdown)
  else
    client.say("No finding on this line; name a rule: :Dblsp explain drop-column", vim.log.levels.WARN)
  end
end

local function new_migration(arguments)
  local words, version = {}, nil
  local at = 1
  while at <= #arguments do
    if arguments[at] == "--version" then
      version = arguments[at + 1]
      at = at + 1
    else
      table.insert(words, arguments[at])
    end
    at = at + 1
  end
  local function create(name)
    if name and name ~= "" then
      client.execute("dblsp.newMigration", { { uri = uri(), name = name, version = version } })
    end
  end
  if #words > 0 then
    create(table.concat(words, " "))
  else
    vim.ui.input({ prompt = "What does the migration do, in a few words? " }, create)
  end
end

local function describe(migration)
  local words = { migration.name }
  if #(migration.applied or {}) > 0 then
    table.insert(words, "applied on " .. table.concat(migration.applied, ", "))
  end
  if migration.held then
    table.insert(words, "on hold")
  end
  if migration.rollback == false then
    table.insert(words, "no rollback")
  end
  if migration.smokeTest == false then
    table.insert(words, "no smoke test")
  end
  for _, level in ipairs({ "error", "warning" }) do
    local count = migration.findings[level]
    if count > 0 then
      table.insert(words, ("%d %s%s"):format(count, level, count == 1 and "" or "s"))
    end
  end
  return table.concat(words, ", ")
end

local function list_migrations()
  client.request("dblsp/migrations", vim.empty_dict(), function(projects)
    local items = {}
    for _, project in ipairs(projects) do
      for _, migration in ipairs(project.migrations) do
        table.insert(items, { filename = vim.uri_to_fname(migration.uri), lnum = 1, text = describe(migration) })
      end
    end
    vim.fn.setqflist({}, " ", { title = "Migrations", items = items })
    vim.cmd.copen()
  end)
end

---@class dblsp.Subcommand
---@field run fun(arguments: string[])
---@field complete? fun(): string[]

---@type table<string, dblsp.Subcommand>
local subcommands = {
  ["apply"] = on_database("dblsp.apply"),
  ["apply-all"] = on_database("dblsp.applyAll"),
  ["cancel"] = {
    run = function()
      client.execute("dblsp.cancel", {})
    end,
  },
  ["check"] = about_file("dblsp.check"),
  ["create-rollback"] = about_file("dblsp.createRollback"),
  ["create-smoke-test"] = about_file("dblsp.createSmokeTest"),
  ["drift"] = on_database("dblsp.drift"),
  ["explain"] = { run = explain, complete = rules },
  ["graph"] = about_file("dblsp.graph"),
  ["lens"] = {
    run = function()
      vim.lsp.codelens.run()
    end,
  },
  ["log"] = {
    run = function()
      vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log.get_filename()))
    end,
  },
  ["migrations"] = { run = list_migrations },
  ["new"] = { run = new_migration },
  ["prove"] = about_file("dblsp.prove"),
  ["restart"] = { run = client.restart },
  ["restore"] = on_database("dblsp.restore"),
  ["rollback"] = on_database("dblsp.rollback"),
  ["snapshot"] = on_database("dblsp.snapshot"),
  ["status"] = on_database("dblsp.status"),
  ["test"] = on_database("dblsp.test"),
  ["trace"] = about_file("dblsp.trace"),
  ["trust"] = set_trust(true),
  ["untrust"] = set_trust(false),
}

local function starting_with(lead, names)
  table.sort(names)
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, names)
end

---@param words string[]
function M.run(words)
  local name = words[1]
  local subcommand = subcommands[name]
  if subcommand then
    subcommand.run(vim.list_slice(words, 2))
  else
    local names = table.concat(starting_with("", vim.tbl_keys(subcommands)), ", ")
    client.say(("No subcommand `%s`. There are: %s"):format(name, names), vim.log.levels.ERROR)
  end
end

---@param lead string The word before the cursor.
---@param line string The command line.
---@return string[]
function M.complete(lead, line)
  local name = line:match("Dblsp%s+(%S+)%s")
  if not name then
    return starting_with(lead, vim.tbl_keys(subcommands))
  end
  local subcommand = subcommands[name]
  return subcommand and subcommand.complete and starting_with(lead, subcommand.complete()) or {}
end

return M
