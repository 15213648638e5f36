-- Undo 20251026213000_v0_7_0_seed.sql: deletes the rows it inserted, by key, and no others.
--
-- A row that is in use is not deleted: its foreign key stops the script, and its transaction with it.

set local lock_timeout = '2s';

delete from public.cognitive_traits
where code in (
  'abstraction', 'achievement', 'analogy', 'autonomy', 'big_picture', 'brevity',
  'curiosity', 'detail', 'first_principles', 'humour', 'people', 'storytelling'
);

delete from public.trait_dimensions
where code in ('attention', 'drive', 'expression', 'reasoning');

delete from public.channels
where code in ('blog', 'email', 'podcast', 'social', 'video');

delete from public.content_formats
where code in ('article', 'carousel', 'newsletter', 'post', 'script', 'thread');

delete from public.fragment_kinds
where code in ('belief', 'decision', 'heuristic', 'metaphor', 'question', 'quote', 'story');

delete from public.source_kinds
where code in (
  'article', 'book', 'conversation', 'interview', 'lecture', 'note', 'podcast', 'video'
);

delete from public.languages
where code in ('de', 'en', 'es', 'fr', 'pt');
