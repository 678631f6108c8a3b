# The measuring part of ravenhelm-launcher.pl, in the same package: what the processes of a tool use, and how large its
# workspace is. The runner calls it between its looks, so each part takes little time.
use strict;

our (%request, %limits, %allowed, $LOOK_MS, $tool, $relay, $is_walking);

my $SCAN_MS = 1000;           # between two scans where groups count memory and processes
my $WALK_MS = 1000;           # between two walks of the workspace
my $WALK_ENTRIES = 200;       # of one part: about a millisecond
my $SPARE = 20;               # a scan or walk that took a second is made again after 20
my $ENAMETOOLONG = 36;
my $TOO_DEEP = 1 << 60;       # bytes of what is deeper than a path can say, and cannot be measured
my $TICKS = 100;              # of /proc/PID/stat in a second, on every Linux
my ($scan_at, $walk, $walk_at, $page);

sub begin_scans {
    my ($now) = @_;
    ($scan_at, $walk, $walk_at) = ($now + (has_fast_scans() ? 0 : $SCAN_MS), undef, $now);
}

sub has_fast_scans { return !is_grouped('memory') || !is_grouped('pids') }

# What the tool's processes use: all descendants of this process but the relay. Of bwrap itself no threads count.
sub scan {
    my ($now) = @_;
    return 0 if $now < $scan_at;
    my $began = clock();
    my ($used, @pids) = used_by_tool();
    my $took = clock() - $began;
    my $least = has_fast_scans() ? $LOOK_MS : $SCAN_MS;
    $scan_at = $now + ($SPARE * $took > $least ? $SPARE * $took : $least);
    return reach('cpu_seconds') if $limits{cpu_seconds} && $used->{ticks} >= $limits{cpu_seconds} * $TICKS;
    return reach('processes') if $limits{processes} && !is_grouped('pids') && $used->{threads} >= $limits{processes};
    return reach('memory') if $limits{memory} && !is_grouped('memory') && uses_too_much($used, @pids);
    # Linux 6.2 and newer say the number of open files as the size of the directory.
    for my $pid ($limits{open_files} ? @pids : ()) {
        reach('open_files') if (-s "/proc/$pid/fd" || 0) >= $limits{open_files};
    }
    return 0;
}

sub used_by_tool {
    my (%children, %facts);
    opendir(my $list, '/proc') or return ({ ticks => 0, threads => 0, pages => 0 });
    for my $pid (grep { /^\d+$/ } readdir $list) {
        my $line = first_line("/proc/$pid/stat");
        next unless defined $line && $line =~ /.*\) \S (.*)/s;
        my ($parent, @rest) = split / /, $1;
        push @{ $children{$parent} }, $pid;
        # utime, stime, cutime, cstime; num_threads; rss.
        $facts{$pid} = [$rest[9] + $rest[10] + $rest[11] + $rest[12], $rest[15], $rest[19]];
    }
    closedir $list;
    my %used = (ticks => 0, threads => 0, pages => 0);
    my @pids = my @todo = grep { !defined $relay || $_ != $relay } @{ $children{$$} || [] };
    while (defined(my $pid = shift @todo)) {
        push @todo, @{ $children{$pid} || [] };
        push @pids, @{ $children{$pid} || [] };
        my ($ticks, $threads, $pages) = @{ $facts{$pid} };
        $used{ticks} += $ticks;
        $used{pages} += $pages;
        $used{threads} += $threads unless $pid == $tool && $request{isolated} eq 'yes';
    }
    return (\%used, @pids);
}

# Pages that processes share count for each of them, and only the slower way tells how much it is together.
sub uses_too_much {
    my ($used, @pids) = @_;
    $page = page_size() unless defined $page;
    return 0 if $used->{pages} * $page <= $limits{memory};
    my $bytes = 0;
    for my $pid (@pids) {
        open(my $file, '<', "/proc/$pid/smaps_rollup") or next;
        while (my $line = <$file>) { $bytes += $1 * 1024 if $line =~ /^Pss:\s+(\d+) kB/ }
    }
    return $bytes > $limits{memory};
}

sub page_size {
    my $AT_PAGESZ = 6;
    open(my $file, '<', '/proc/self/auxv') or return 4096;
    sysread($file, my $pairs, 4096);
    my %values = unpack('Q*', $pairs);
    return $values{$AT_PAGESZ} || 4096;
}

# --- the workspace

# Measures it in one go: bytes and files.
sub whole_walk {
    my $whole = new_walk();
    1 until part_of($whole, $WALK_ENTRIES);
    keep_usage(@{$whole}{ 'bytes', 'files' });
    return ($whole->{hidden} ? $TOO_DEEP : $whole->{bytes}, $whole->{files});
}

sub new_walk {
    my ($device) = lstat $request{workspace};
    return { todo => [$request{workspace}], device => $device, bytes => 0, files => 0, seen => {} };
}

# Continues a walk by so many entries; whether it is complete. Links are not followed.
sub part_of {
    my ($this, $most) = @_;
    while ($most > 0) {
        if (!defined $this->{list}) {
            $this->{path} = pop @{ $this->{todo} };
            return 1 unless defined $this->{path};
            opendir($this->{list}, $this->{path}) or $this->{list} = undef;
            next;
        }
        my $name = readdir $this->{list};
        if (!defined $name) { closedir $this->{list}; $this->{list} = undef; next }
        next if $name eq '.' || $name eq '..';
        next if $name eq '.ravenhelm' && $request{holds_state} eq 'yes' && $this->{path} eq $request{workspace};
        $most -= 1;
        count_entry($this, "$this->{path}/$name");
    }
    return 0;
}

sub count_entry {
    my ($this, $path) = @_;
    my ($device, $inode, $links, $blocks) = (lstat $path)[0, 1, 3, 12];
    if (!defined $device) { $this->{hidden} = 1 if $! == $ENAMETOOLONG; return }
    my $is_directory = -d _;
    return if $is_directory && $device != $this->{device};
    $this->{files} += 1;
    push @{ $this->{todo} }, $path if $is_directory;
    return if !$is_directory && $links > 1 && $this->{seen}{$inode}++;
    $this->{bytes} += 512 * $blocks;
}

# Continues the walk; whether a complete one shows that the workspace is too large.
sub walk_on {
    my ($now) = @_;
    return 0 if $now < $walk_at;
    $walk = new_walk() unless defined $walk;
    $is_walking = 1;
    return 0 unless part_of($walk, $WALK_ENTRIES);
    my @measured = @{$walk}{ 'bytes', 'files' };
    my $is_hidden = $walk->{hidden};
    my $pause = $SPARE * $measured[1] / $WALK_ENTRIES;    # a part takes about a millisecond
    ($walk, $walk_at, $is_walking) = (undef, $now + ($pause > $WALK_MS ? $pause : $WALK_MS), 0);
    keep_usage(@measured);
    return reach('workspace_size') if $is_hidden;
    return is_too_large(@measured);
}

1;
