--- `dblsp/confirm`: a name that must be typed before something is destroyed.
local M = {}

function M.setup()
  vim.lsp.handlers["dblsp/confirm"] = function(_, params)
    -- Neovim runs handlers of requests in coroutines, so that they may wait for the user.
    local waiting = assert(coroutine.running())
    vim.ui.input({ prompt = ("%s Type %s to go on: "):format(params.message, params.expected) }, function(text)
      -- Scheduled, as the prompt may answer before the coroutine waits.
      vim.schedule(function()
        coroutine.resume(waiting, text or vim.NIL)
      end)
    end)
    return coroutine.yield()
  end
end

return M
