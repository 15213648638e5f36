comment on column public.bookmarks.note is 'what the reader wrote';
create view public.noted_bookmarks with (security_invoker = true) as
  select b.id, b.note from public.bookmarks b where b.note <> '';
alter table public.contents drop column title;
